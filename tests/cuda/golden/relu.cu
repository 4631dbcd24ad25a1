#include "quartet_kernel.h"
bvec4 isnan_f32x4(vec4 x) { return greaterThan(floatBitsToUint(x) & 0x7fffffffu, uvec4(0x7f800000u)); }
vec4 maxl_f32x4(vec4 a, vec4 b) { return mix(max(a, b), a, isnan_f32x4(a)); }
struct Words {
  uint word[1];
};
extern "C" __global__ void __launch_bounds__(32) quartet_kernel(
    const float* __restrict__ b0,
    float* __restrict__ b1,
    const Words words) {
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
  }
}
