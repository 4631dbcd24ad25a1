// quartet: the command line.

#include "cli/program.h"

int main(int argc, char** argv) { return quartet::cli::program(argc, argv); }
