#include "quartet_kernel.h"
float round_bf16(float x) {
  uint bits = floatBitsToUint(x);
  uint near = bits + 0x7fffu + ((bits >> 16) & 1u);
  bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  return uintBitsToFloat(mix(near, bits | 0x400000u, nan) & 0xffff0000u);
}
struct Words {
  uint word[1];
};
extern "C" __global__ void __launch_bounds__(64) quartet_kernel(
    const float16_t* __restrict__ b0,
    uint16_t* __restrict__ b1,
    const Words words) {
  int group = int(blockIdx.x);
  if (group < int(words.word[0])) {
    __shared__ __align__(32) float s0_2[64];
    int v5 = group * 64;
    int v7 = v5 + int(threadIdx.x);
    float v8 = float(b0[v7]);
    float v9 = v8;
    s0_2[int(threadIdx.x)] = v9;
    __syncthreads();
    bool v11 = int(threadIdx.x) == 0;
    if (v11) {
      float v12;
      v12 = 0.0f;
      #pragma unroll 1
      for (int v15 = 0; v15 < 64; v15 += 1) {
        float v16 = v12;
        float v17 = s0_2[v15];
        float v18 = v16 + v17;
        v12 = v18;
      }
      float v19 = v12;
      float v20 = round_bf16(v19);
      b1[group] = uint16_t(floatBitsToUint(v20) >> 16);
    }
  }
}
