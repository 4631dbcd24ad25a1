#version 450
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_NV_cooperative_matrix : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
layout(constant_id = 50) const uint rows_accumulator_16 = 16u;
layout(constant_id = 48) const uint rows_a_16 = 16u;
layout(constant_id = 49) const uint rows_b_16 = 16u;
layout(local_size_x = 32) in;
layout(push_constant, std430) uniform Words { uint word[1]; } words;
layout(std430, binding = 0) readonly restrict buffer B0 { float16_t b0[]; };
layout(std430, binding = 1) readonly restrict buffer B1 { float16_t b1[]; };
layout(std430, binding = 2) writeonly restrict buffer B2 { float b2[]; };
void kernel0(int group) {
  int v5 = int(gl_SubgroupID) * 256;
  fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8> v10;
  fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8> v11 = fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8>(0.0);
  v10 = v11;
  [[dont_unroll]] for (int v12 = 0; v12 < 256; v12 += 16) {
    int v13 = v5 + v12;
    fcoopmatNV<16, gl_ScopeSubgroup, rows_a_16, 16> v14;
    coopMatLoadNV(v14, b0, uint(v13), uint(16), false);
    fcoopmatNV<16, gl_ScopeSubgroup, rows_b_16, 8> v15;
    coopMatLoadNV(v15, b1, uint(v12), uint(16), true);
    fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8> v16 = v10;
    fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8> v17 = coopMatMulAddNV(v14, v15, v16);
    v10 = v17;
  }
  fcoopmatNV<32, gl_ScopeSubgroup, rows_accumulator_16, 8> v18 = v10;
  coopMatStoreNV(v18, b2, uint(v5), uint(8), false);
}
void main() {
  uint group = gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
  if (group < words.word[0]) kernel0(int(group));
}
