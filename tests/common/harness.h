// Compiles graph text for described devices, runs the kernels in the kernel interpreter, and
// compares with the direct evaluation of the tensor expressions: the lowering, with no device at
// all.
#pragma once

#include <string_view>

#include "ir/module.h"
#include "runtime/program.h"
#include "sched/env.h"
#include "tests/common/run.h"

namespace quartet::test {

/// Graph text -> expressed graph. Fails the test on an error.
ir::Module expressed(std::string_view text);
/// Expressed graph -> scheduled plan -> program with placed memory.
ir::Module planned(const ir::Module& graph, const hwdb::Description& device,
                   const sched::Options& options = {});
runtime::Program lowered(const ir::Module& plan, const hwdb::Description& device,
                         const ir::SymbolValues& symbols = {});

/// Seeded inputs for a graph: floats in [-1, 1), integers in [0, 3].
Tensors makeInputs(const ir::Module& graph, uint64_t seed, const ir::SymbolValues& symbols = {});
/// Op by op with ir::evaluate.
Tensors evaluateExpressed(const ir::Module& graph, const Tensors& inputs,
                          const ir::SymbolValues& symbols = {});
/// All waves in the kernel interpreter; every interpreter error fails the test.
Tensors interpretProgram(const runtime::Program& program, const Tensors& inputs,
                         uint32_t* statusCode = nullptr);

/// Fails the test unless floats are within 1e-5 (|want| + 1) and the rest is equal.
void compareTensor(const ir::ConstantData& got, const ir::ConstantData& want);

/// Floats within 1e-5 (|want| + 1), the rest equal.
void checkClose(const Tensors& got, const Tensors& want);
/// Both, compared on all three devices with every stage on, and with each stage off, by checkClose.
void checkGraph(std::string_view text, uint64_t seed = 1, const ir::SymbolValues& symbols = {});
/// The same on one described device, with every stage on unless `options` say otherwise.
void checkGraphOn(const hwdb::Description& device, std::string_view text,
                  const sched::Options& options = {}, const ir::SymbolValues& symbols = {});

}  // namespace quartet::test
