// Running results along an axis.

#include "backends/cpu/reference/combine.h"
#include "backends/cpu/reference/ops.h"

namespace quartet::reference {

Tensor evalScan(const Call& call) {
  const auto fn = call.attributes().get<ir::Opcode>("fn");
  const auto axis = static_cast<size_t>(call.attributes().integer("axis"));
  const bool exclusive = call.attributes().integer("exclusive") != 0;
  const bool reverse = call.attributes().integer("reverse") != 0;
  const int64_t extent = call.shape[axis];
  const int64_t inner = stridesOf(call.shape)[axis];
  return withWide(call.dtype, [&](auto wide) {
    using W = decltype(wide);
    Output out(call.dtype, call.shape);
    std::vector<W> values = widen<W>(*call.in[0]);
    const int64_t lines = extent == 0 ? 0 : out.count() / extent;
    for (int64_t line = 0; line < lines; ++line) {
      const int64_t first = line / inner * extent * inner + line % inner;
      W state = identityOf<W>(fn, call.dtype);
      for (int64_t k = 0; k < extent; ++k) {
        W& value = values[static_cast<size_t>(first + (reverse ? extent - 1 - k : k) * inner)];
        const W next = step(fn, state, value);
        value = exclusive ? state : next;
        state = next;
      }
    }
    narrow(values.data(), out.count(), out, 0);
    return std::move(out).finish();
  });
}

}  // namespace quartet::reference
