#include "quartet_kernel.h"
void report(Status* status, uint code, uint node, uvec2 detail) {
  if (atomicCAS(&status->code, 0u, code) != 0u) return;
  status->node = node;
  status->detail = detail;
}
struct Words {
  uint word[2];
};
extern "C" __global__ void __launch_bounds__(32) quartet_kernel(
    const int64_t* __restrict__ b0,
    int64_t* __restrict__ b1,
    Status* __restrict__ status,
    const Words words) {
  int group = int(blockIdx.x);
  if (group < int(words.word[0])) {
    int v3 = int(words.word[1]);
    int v4 = group * v3;
    int64_t v5;
    v5 = int64_t(0ul);
    #pragma unroll 1
    for (int v9 = 0; v9 < v3; v9 += 1) {
      int v10 = v4 + v9;
      int64_t v11 = b0[v10];
      int64_t v12 = v5;
      int64_t v13 = int64_t(uint64_t(v12) + uint64_t(v11));
      v5 = v13;
    }
    bool v15 = int(threadIdx.x) == 0;
    if (v15) {
      int64_t v16 = v5;
      bool v17 = v16 < int64_t(0ul);
      if (v17) report(status, 1u, 7u, uvec2(0u));
      b1[group] = v16;
    }
  }
}
