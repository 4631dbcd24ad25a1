#include "quartet_kernel.h"
bvec4 isnan_f32x4(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7fffffffu, uvec4(0x7f800000u)); }
vec4 maxl_f32x4(vec4 a, vec4 b) { return mix(max(a, b), a, isnan_f32x4(a)); }
void report(Status* status, uint code, uint node, uvec2 detail) {
  if (atomicCAS(&status->code, 0u, code) != 0u) return;
  status->node = node;
  status->detail = detail;
}
struct Words {
  uint word[3];
};
extern "C" __global__ void __launch_bounds__(32) quartet_kernel(
    const float* __restrict__ b0,
    float* __restrict__ b1,
    const int64_t* __restrict__ b2,
    int64_t* __restrict__ b3,
    Status* __restrict__ status,
    const Words* __restrict__ wordsBuffer) {
  const Words& words = *wordsBuffer;
  int group = int(blockIdx.x);
  if (group < int(words.word[0])) {
    const vec4* b0x4 = reinterpret_cast<const vec4*>(b0);
    vec4* b1x4 = reinterpret_cast<vec4*>(b1);
    int v4 = group * 32;
    int v6 = v4 + int(threadIdx.x);
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
    vec4 v13 = maxl_f32x4(v11, vec4(0.0f));
    if (v10 >= 4) {
      b1x4[(v8 >> 2)] = v13;
    } else {
      if (v10 > 0) b1[v8] = v13.x;
      if (v10 > 1) b1[v8 + 1] = v13.y;
      if (v10 > 2) b1[v8 + 2] = v13.z;
    }
  } else if ((group -= int(words.word[0])) < int(words.word[1])) {
    int v3 = int(words.word[2]);
    int v4 = group * v3;
    int64_t v5;
    v5 = int64_t(0ul);
    #pragma unroll 1
    for (int v9 = 0; v9 < v3; v9 += 1) {
      int v10 = v4 + v9;
      int64_t v11 = b2[v10];
      int64_t v12 = v5;
      int64_t v13 = int64_t(uint64_t(v12) + uint64_t(v11));
      v5 = v13;
    }
    bool v15 = int(threadIdx.x) == 0;
    if (v15) {
      int64_t v16 = v5;
      bool v17 = v16 < int64_t(0ul);
      if (v17) report(status, 1u, 7u, uvec2(0u));
      b3[group] = v16;
    }
  }
}
