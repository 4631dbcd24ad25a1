// Appends primitives to the graph under construction: folds what is known, drops what does nothing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "frontend/onnx/folding.h"
#include "frontend/onnx/tensor_value.h"

namespace quartet::frontend {

/// Operands must fit (shapes, dtypes): builders check what the model gives before they emit.
/// Results are folded when all operands are known, except where that makes large data of small or
/// the budget is spent.
class Emitter {
 public:
  /// `optimise` off: what is known still serves those who ask for it (shapes), and the graph
  /// computes it nevertheless; operations that change nothing stay.
  Emitter(ir::Module& module, const Evaluator& evaluator, FoldingBudget& budget,
          bool optimise = true)
      : module_(module), evaluator_(evaluator), budget_(budget), optimise_(optimise) {}

  /// The origin of the ops that follow.
  void setOrigin(ir::Origin origin) { origin_ = std::move(origin); }
  ir::Module& module() { return module_; }
  /// The first shape that was emitted without being countable; the graph is of no use then.
  const std::optional<ir::Dims>& uncountable() const { return uncountable_; }

  /// The tensor as a value of the graph; constants and contents enter the graph here.
  ir::ValueId use(const Tensor& tensor);
  /// Constants of another graph may be used: their content is hashed already.
  void knowConstants(const ir::Module& other);
  /// The tensor behind a value of the graph.
  Tensor tensorOf(ir::ValueId value) const;

  // ---- Known values ----
  Tensor constant(Constant data) const;
  /// A scalar.
  Tensor number(ir::DType dtype, double value) const;
  Tensor integer(ir::DType dtype, int64_t value) const;
  /// i64[n].
  Tensor ints(const std::vector<int64_t>& values) const;
  /// Extents as a tensor of i64 or i32.
  Tensor extents(ir::Dims contents, ir::Dims shape, ir::DType dtype = ir::DType::I64) const;
  /// An extent as a scalar of any numeric dtype.
  Tensor extent(const ir::Dim& dim, ir::DType dtype);

  // ---- Elementwise, with numpy's broadcasting ----
  Tensor scalar(ir::Opcode opcode, std::vector<Tensor> operands);
  Tensor cast(const Tensor& x, ir::DType dtype);
  Tensor select(const Tensor& condition, const Tensor& a, const Tensor& b);
  Tensor add(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Add, {a, b}); }
  Tensor sub(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Sub, {a, b}); }
  Tensor mul(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Mul, {a, b}); }
  Tensor div(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Div, {a, b}); }
  Tensor min(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Min, {a, b}); }
  Tensor max(const Tensor& a, const Tensor& b) { return scalar(ir::Opcode::Max, {a, b}); }
  Tensor unary(ir::Opcode opcode, const Tensor& x) { return scalar(opcode, {x}); }
  /// The same with a number in the dtype of the tensor.
  Tensor add(const Tensor& a, double b) { return add(a, number(a.dtype, b)); }
  Tensor sub(const Tensor& a, double b) { return sub(a, number(a.dtype, b)); }
  Tensor mul(const Tensor& a, double b) { return mul(a, number(a.dtype, b)); }
  Tensor div(const Tensor& a, double b) { return div(a, number(a.dtype, b)); }
  Tensor min(const Tensor& a, double b) { return min(a, number(a.dtype, b)); }
  Tensor max(const Tensor& a, double b) { return max(a, number(a.dtype, b)); }

  // ---- Movement ----
  Tensor reshape(const Tensor& x, const ir::Dims& shape);
  Tensor transpose(const Tensor& x, const ir::Ints& perm);
  /// To a shape that x broadcasts to.
  Tensor broadcast(const Tensor& x, const ir::Dims& shape);
  Tensor slice(const Tensor& x, const ir::Ints& starts, const ir::Ints& steps,
               const ir::Dims& shape);
  /// `count` elements of one axis.
  Tensor sliceAxis(const Tensor& x, int axis, int64_t start, const ir::Dim& count,
                   int64_t step = 1);
  Tensor concat(const std::vector<Tensor>& parts, int axis);
  Tensor pad(const Tensor& x, const Tensor& fill, const std::string& mode, const ir::Ints& begin,
             const ir::Ints& end);
  Tensor gather(const Tensor& data, const Tensor& indices, int axis);
  Tensor iota(ir::DType dtype, const ir::Dims& shape, int axis);
  /// 0, 1, 2, ... along `axis` of a tensor of `rank`, extent 1 elsewhere.
  Tensor indicesAlong(ir::DType dtype, const ir::Dim& extent, int axis, int rank);

  // ---- Computation ----
  /// Drops the axes (sorted, each once).
  Tensor reduce(ir::Opcode fn, const Tensor& x, const std::vector<int>& axes);
  /// Keeps them with extent 1.
  Tensor reduceKeep(ir::Opcode fn, const Tensor& x, const std::vector<int>& axes);
  /// The number of elements that a reduction over `axes` takes in.
  ir::Dim reducedCount(const Tensor& x, const std::vector<int>& axes) const;
  Tensor meanKeep(const Tensor& x, const std::vector<int>& axes);
  /// A sum over the labels that `out` lacks, in the dtype of `lhs` unless another is given.
  Tensor contract(const Tensor& lhs, const ir::Ints& lhsLabels, const Tensor& rhs,
                  const ir::Ints& rhsLabels, const ir::Ints& out,
                  std::optional<ir::DType> dtype = std::nullopt);
  /// Any other primitive with one result.
  Tensor op(ir::Opcode opcode, const std::vector<Tensor>& operands, ir::DType dtype,
            const ir::Dims& shape, ir::Attributes attributes = {});

 private:
  /// The parts of a concatenation, groups of them joined already.
  std::vector<Tensor> joined(const std::vector<Tensor>& parts, int axis);
  const ir::Op* definition(const Tensor& x) const;
  std::string hashOf(const Constant& data) const;
  ir::ValueId materialise(const ir::Dims& contents, const Tensor& tensor);
  Tensor fromContents(ir::Dims contents, const ir::Type& type) const;
  /// A value of the graph whose content is known all the same: without optimisation.
  Tensor remember(Tensor result, const Tensor& known);
  Tensor emit(ir::Opcode opcode, const std::vector<Tensor>& operands, const ir::Type& type,
              ir::Attributes attributes);
  std::optional<Tensor> fold(ir::Opcode opcode, const std::vector<Tensor>& operands,
                             const ir::Type& type, const ir::Attributes& attributes);
  std::optional<Tensor> evaluate(ir::Opcode opcode, const std::vector<Tensor>& operands,
                                 const ir::Type& type, const ir::Attributes& attributes);
  std::optional<Tensor> simplifyScalar(ir::Opcode opcode, const std::vector<Tensor>& operands);

  ir::Module& module_;
  const Evaluator& evaluator_;
  FoldingBudget& budget_;
  bool optimise_;
  ir::Origin origin_;
  std::optional<ir::Dims> uncountable_;
  std::map<Constant, ir::ValueId> constants_;  // the key keeps the data alive
  std::map<std::string, ir::ValueId> byHash_;
  std::map<ir::ValueId, Tensor> known_;  // what `remember` was told
  std::map<Constant, std::string> knownHashes_;
  // Ops by opcode and operands: the same computation is not emitted twice.
  std::map<std::pair<ir::Opcode, std::vector<ir::ValueId>>, std::vector<ir::OpId>> emitted_;
};

/// Attributes from a list: attributesOf({{"axis", int64_t{1}}}).
ir::Attributes attributesOf(std::initializer_list<std::pair<std::string, ir::Attribute>> entries);

}  // namespace quartet::frontend
