#version 450
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 32) in;
layout(std430, binding = 2) buffer Status { uint code; uint node; uvec2 detail; } status;
layout(push_constant, std430) uniform Words { uint word[2]; } words;
void report(uint code, uint node, uvec2 detail) {
  if (atomicCompSwap(status.code, 0u, code) != 0u) return;
  status.node = node;
  status.detail = detail;
}
layout(std430, binding = 0) readonly restrict buffer B0 { int64_t b0[]; };
layout(std430, binding = 1) writeonly restrict buffer B1 { int64_t b1[]; };
void kernel0(int group) {
  int v3 = int(words.word[1]);
  int v4 = group * v3;
  int64_t v5;
  v5 = int64_t(0ul);
  [[dont_unroll]] for (int v9 = 0; v9 < v3; v9 += 1) {
    int v10 = v4 + v9;
    int64_t v11 = b0[v10];
    int64_t v12 = v5;
    int64_t v13 = v12 + v11;
    v5 = v13;
  }
  bool v15 = int(gl_LocalInvocationIndex) == 0;
  if (v15) {
    int64_t v16 = v5;
    bool v17 = v16 < int64_t(0ul);
    if (v17) report(1u, 7u, uvec2(0u));
    b1[group] = v16;
  }
}
void main() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (group < words.word[0]) kernel0(int(group));
}
