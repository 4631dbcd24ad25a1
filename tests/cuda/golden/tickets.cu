#include "quartet_kernel.h"
struct Words {
  uint word[1];
};
extern "C" __global__ void __launch_bounds__(64) quartet_kernel(
    int* __restrict__ b0,
    uint* __restrict__ b1,
    int* __restrict__ b2,
    const Words words) {
  int group = int(blockIdx.x);
  if (group < int(words.word[0])) {
    bool v5 = int(threadIdx.x) == 0;
    if (v5) {
      b0[2] = 0;
      b1[2] = 0u;
    }
    __syncthreads();
    int v10 = atomicAdd(b0[2], 1);
    uint v11 = uint(v10);
    uint v12 = atomicAdd(b1[2], v11);
    b2[int(threadIdx.x)] = v10;
  }
}
