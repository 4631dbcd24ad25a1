#version 450
#extension GL_EXT_control_flow_attributes : require
layout(local_size_x = 64) in;
layout(push_constant, std430) uniform Words { uint word[1]; } words;
layout(std430, binding = 0) coherent restrict buffer B0 { int b0[]; };
layout(std430, binding = 1) coherent restrict buffer B1 { uint b1[]; };
layout(std430, binding = 2) writeonly restrict buffer B2 { int b2[]; };
void kernel0(int group) {
  bool v5 = int(gl_LocalInvocationIndex) == 0;
  if (v5) {
    b0[2] = 0;
    b1[2] = 0u;
  }
  memoryBarrierBuffer();
  barrier();
  int v10 = atomicAdd(b0[2], 1);
  uint v11 = uint(v10);
  uint v12 = atomicAdd(b1[2], v11);
  b2[int(gl_LocalInvocationIndex)] = v10;
}
void main() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (group < words.word[0]) kernel0(int(group));
}
