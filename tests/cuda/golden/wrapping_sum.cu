#include "quartet_kernel.h"
struct Words {
  uint word[1];
};
extern "C" __global__ void __launch_bounds__(32) quartet_kernel(
    const int* __restrict__ b0,
    int* __restrict__ b1,
    const Words words) {
  int group = int(blockIdx.x);
  if (group < int(words.word[0])) {
    int v4 = int(uint(group) * uint(32));
    int v6 = int(uint(v4) + uint(int(threadIdx.x)));
    int v8 = v6 + 1;
    int v9 = b0[v6];
    int v10 = b0[v8];
    int v11 = int(uint(v9) + uint(v10));
    int v12 = int(uint(v11) * uint(v6));
    b1[v6] = v12;
  }
}
