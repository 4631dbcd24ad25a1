// Writes what ONNX's messages are to standard output, as protoc's --descriptor_set_in reads it.

#include <google/protobuf/descriptor.pb.h>
#include <onnx/onnx_pb.h>

#include <iostream>

int main() {
  google::protobuf::FileDescriptorSet set;
  onnx::ModelProto::descriptor()->file()->CopyTo(set.add_file());
  return set.SerializeToOstream(&std::cout) ? 0 : 1;
}
