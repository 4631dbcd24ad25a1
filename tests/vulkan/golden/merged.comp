#version 450
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
layout(local_size_x = 32) in;
layout(std430, binding = 4) buffer Status { uint code; uint node; uvec2 detail; } status;
layout(push_constant, std430) uniform Words { uint word[3]; } words;
bvec4 isnan_f32x4(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7fffffffu, uvec4(0x7f800000u)); }
vec4 maxl_f32x4(vec4 a, vec4 b) { return mix(max(a, b), a, isnan_f32x4(a)); }
void report(uint code, uint node, uvec2 detail) {
  if (atomicCompSwap(status.code, 0u, code) != 0u) return;
  status.node = node;
  status.detail = detail;
}
layout(std430, binding = 0) readonly restrict buffer B0 { float b0[]; };
layout(std430, binding = 0) readonly restrict buffer B0x4 { vec4 b0x4[]; };
layout(std430, binding = 1) writeonly buffer B1 { float b1[]; };
layout(std430, binding = 1) writeonly buffer B1x4 { vec4 b1x4[]; };
void kernel0(int group) {
  int v4 = group * 32;
  int v6 = v4 + int(gl_LocalInvocationIndex);
  int v8 = v6 * 4;
  int v10 = 1001 - v8;
  vec4 v11 = vec4(0);
  if (v10 >= 4) {
    v11 = b0x4[(v8 >> 2)];
  } else {
    if (v10 > 0) v11.x = b0[v8];
    if (v10 > 1) v11.y = b0[v8 + 1];
    if (v10 > 2) v11.z = b0[v8 + 2];
  }
  vec4 v13 = maxl_f32x4(v11, vec4(0.0));
  if (v10 >= 4) {
    b1x4[(v8 >> 2)] = v13;
  } else {
    if (v10 > 0) b1[v8] = v13.x;
    if (v10 > 1) b1[v8 + 1] = v13.y;
    if (v10 > 2) b1[v8 + 2] = v13.z;
  }
}
layout(std430, binding = 2) readonly restrict buffer B2 { int64_t b2[]; };
layout(std430, binding = 3) writeonly restrict buffer B3 { int64_t b3[]; };
void kernel1(int group) {
  int v3 = int(words.word[2]);
  int v4 = group * v3;
  int64_t v5;
  v5 = int64_t(0ul);
  [[dont_unroll]] for (int v9 = 0; v9 < v3; v9 += 1) {
    int v10 = v4 + v9;
    int64_t v11 = b2[v10];
    int64_t v12 = v5;
    int64_t v13 = v12 + v11;
    v5 = v13;
  }
  bool v15 = int(gl_LocalInvocationIndex) == 0;
  if (v15) {
    int64_t v16 = v5;
    bool v17 = v16 < int64_t(0ul);
    if (v17) report(1u, 7u, uvec2(0u));
    b3[group] = v16;
  }
}
void main() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (group < words.word[0]) kernel0(int(group));
  else {
  group -= words.word[0];
  if (group < words.word[1]) kernel1(int(group));
  }
}
