// contract: a product of two tensors summed over the labels that the result lacks.

#include <map>

#include "backends/cpu/reference/ops.h"
#include "backends/cpu/reference/product.h"

namespace quartet::reference {
namespace {

// A label's extent and its stride in each tensor (0 where absent; the sum of strides where it
// repeats, which walks a diagonal).
struct Label {
  int64_t extent = 1;
  bool inLeft = false, inRight = false, inOut = false;
  int64_t left = 0, right = 0, out = 0;
};

// A set of labels, all of whose points are enumerated at once: offsets into each tensor.
struct Points {
  Ints left, right, out;
  int64_t count() const { return static_cast<int64_t>(left.size()); }
};

struct Plan {
  Points batch;      // in all three tensors
  Points rows;       // left and result
  Points columns;    // right and result
  Points depth;      // left and right: summed
  Points leftOnly;   // left alone: summed
  Points rightOnly;  // right alone: summed
};

std::map<int64_t, Label> collectLabels(const Call& call) {
  std::map<int64_t, Label> labels;
  const auto visit = [&](const char* key, const Ints& shape, bool Label::*member,
                         int64_t Label::*stride) {
    const Ints& names = call.attributes().ints(key);
    const Ints strides = stridesOf(shape);
    QT_ASSERT(names.size() == shape.size(), "contract: one label per axis");
    for (size_t axis = 0; axis < names.size(); ++axis) {
      Label& label = labels[names[axis]];
      label.extent = shape[axis];
      label.*member = true;
      label.*stride += strides[axis];
    }
  };
  visit("lhs", call.in[0]->shape, &Label::inLeft, &Label::left);
  visit("rhs", call.in[1]->shape, &Label::inRight, &Label::right);
  visit("out", call.shape, &Label::inOut, &Label::out);
  return labels;
}

Plan makePlan(const Call& call) {
  const std::map<int64_t, Label> labels = collectLabels(call);
  const auto points = [&](bool left, bool right, bool out) {
    Ints extents, leftStrides, rightStrides, outStrides;
    for (const auto& [name, label] : labels) {
      if (label.inLeft != left || label.inRight != right || label.inOut != out) continue;
      extents.push_back(label.extent);
      leftStrides.push_back(label.left);
      rightStrides.push_back(label.right);
      outStrides.push_back(label.out);
    }
    return Points{offsetsOf(extents, leftStrides), offsetsOf(extents, rightStrides),
                  offsetsOf(extents, outStrides)};
  };
  return {points(true, true, true),  points(true, false, true),  points(false, true, true),
          points(true, true, false), points(true, false, false), points(false, true, false)};
}

// With few columns and many rows the sides trade places, to fill the panels of `multiply`.
void transposePlan(Plan& plan) {
  std::swap(plan.rows, plan.columns);
  std::swap(plan.leftOnly, plan.rightOnly);
  for (Points* points :
       {&plan.batch, &plan.rows, &plan.columns, &plan.depth, &plan.leftOnly, &plan.rightOnly}) {
    std::swap(points->left, points->right);
  }
}

template <class W>
W sumOver(const W* base, const Ints& offsets) {
  W sum = 0;
  for (const int64_t offset : offsets) sum += base[offset];
  return sum;
}

template <class W>
void contract(const Plan& plan, const std::vector<W>& left, const std::vector<W>& right,
              std::vector<W>& out) {
  using Block = ColumnBlock<W>;
  const int64_t rows = plan.rows.count();
  const int64_t columns = plan.columns.count();
  const int64_t depth = plan.depth.count();
  const int64_t blocks = (columns + Block::kColumns - 1) / Block::kColumns;
  std::vector<W> lines(static_cast<size_t>(rows * depth));
  for (int64_t b = 0; b < plan.batch.count(); ++b) {
    const auto point = static_cast<size_t>(b);
    const W* leftBase = left.data() + plan.batch.left[point];
    const W* rightBase = right.data() + plan.batch.right[point];
    W* outBase = out.data() + plan.batch.out[point];
    W* line = lines.data();
    for (const int64_t row : plan.rows.left) {
      for (const int64_t k : plan.depth.left) {
        *line++ = sumOver(leftBase + row + k, plan.leftOnly.left);
      }
    }
    parallelFor(blocks, rows * columns * depth, [&](int64_t i) {
      const int64_t first = i * Block::kColumns;
      const int64_t some = std::min(Block::kColumns, columns - first);
      Block block(depth);
      for (int64_t k = 0; k < depth; ++k) {
        const W* base = rightBase + plan.depth.right[static_cast<size_t>(k)];
        for (int64_t c = 0; c < some; ++c) {
          const int64_t column = plan.columns.right[static_cast<size_t>(first + c)];
          block.at(k, c) = sumOver(base + column, plan.rightOnly.right);
        }
      }
      multiply(lines.data(), rows, block, some, [&](int64_t row, const W* sums) {
        W* target = outBase + plan.rows.out[static_cast<size_t>(row)];
        for (int64_t c = 0; c < some; ++c) {
          target[plan.columns.out[static_cast<size_t>(first + c)]] = sums[c];
        }
      });
    });
  }
}

}  // namespace

Tensor evalContract(const Call& call) {
  Plan plan = makePlan(call);
  Output output(call.dtype, call.shape);
  const bool swap = plan.columns.count() < 8 && plan.rows.count() > plan.columns.count();
  if (swap) transposePlan(plan);
  const auto evaluate = [&](auto wide) {
    using W = decltype(wide);
    std::vector<W> left = widen<W>(*call.in[swap ? 1 : 0]);
    std::vector<W> right = widen<W>(*call.in[swap ? 0 : 1]);
    std::vector<W> out(static_cast<size_t>(output.count()));
    contract(plan, left, right, out);
    narrow(out.data(), output.count(), output, 0);
  };
  // Unsigned arithmetic is exact modulo 2^64 for signed operands too, and never overflows.
  if (ir::isFloat(call.dtype)) {
    evaluate(double{});
  } else {
    evaluate(uint64_t{});
  }
  return std::move(output).finish();
}

}  // namespace quartet::reference
