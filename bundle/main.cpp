// The bundle's quartet: the commands of the command line, and ONNX's own tests.

#include "bundle/conformance.h"
#include "cli/program.h"

int main(int argc, char** argv) {
  return quartet::cli::program(argc, argv, {quartet::bundle::addConformance});
}
