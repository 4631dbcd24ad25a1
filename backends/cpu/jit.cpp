#include "backends/cpu/jit.h"

#include <llvm-c/Core.h>
#include <llvm/ADT/StringMap.h>
#include <llvm/ExecutionEngine/Orc/ExecutionUtils.h>
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/TargetParser/SubtargetFeature.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "base/build_id.h"
#include "base/content_hash.h"
#include "ir/text.h"

#if defined(__x86_64__)
extern "C" {  // of libgcc; only their addresses are taken: C++ has no type for a half
void __extendhfdf2();
void __extendhfsf2();
void __truncdfhf2();
void __truncsfhf2();
}
#endif

namespace quartet::cpu {

namespace {

tl::unexpected<Diagnostic> jitError(llvm::Error error) {
  Diagnostic diagnostic;
  diagnostic.kind = Diagnostic::Kind::Internal;
  diagnostic.message = "the code generator failed: " + llvm::toString(std::move(error));
  return tl::unexpected(std::move(diagnostic));
}

HostTarget queryHost() {
  llvm::InitializeNativeTarget();
  llvm::InitializeNativeTargetAsmPrinter();
  HostTarget host;
  host.triple = llvm::sys::getProcessTriple();
  host.cpu = llvm::sys::getHostCPUName().str();
  const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  std::vector<std::string> sorted;
  for (const auto& feature : features) {
    sorted.push_back((feature.getValue() ? "+" : "-") + feature.getKey().str());
  }
  std::sort(sorted.begin(), sorted.end());
  for (const std::string& feature : sorted) {
    host.features += (host.features.empty() ? "" : ",") + feature;
  }
  const auto has = [&](const char* name) {
    const auto found = features.find(name);
    return found != features.end() && found->second;
  };
  host.avx512 = has("avx512f") && has("avx512bw") && has("avx512vl") && has("avx512dq");
  host.vnni = host.avx512 && has("avx512vnni");
  host.bf16 = host.avx512 && has("avx512bf16");
  host.avx2 = has("avx2");
  host.fma = has("fma") || has("neon");
  host.float16 = has("f16c") || has("neon");
  return host;
}

std::unique_ptr<llvm::TargetMachine> createTargetMachine() {
  const HostTarget& host = HostTarget::get();
  std::string error;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(host.triple, error);
  QT_ASSERT(target != nullptr, error);
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(host.triple, host.cpu, host.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default,
                                  /*JIT=*/true));
}

// The default O3 pipeline gives no faster kernels and takes five times as long.
void optimise(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::PassBuilder builder(&machine);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  for (llvm::Function& function : module) {
    if (!function.isDeclaration()) passes.run(function, functions);
  }
}

// One kernel on its way to machine code. Has its own LLVM context: kernels compile in parallel.
struct Unit {
  const ir::Module* kernel = nullptr;
  std::string symbol;  // from the kernel: its object serves wherever it stands in a program
  llvm::SmallVector<char, 0> object;
  std::string assembly;
  bool cached = false;
};

// What machine code depends on beside the kernel. LLVM is a shared library: its build counts too.
std::string targetKey() {
  const HostTarget& host = HostTarget::get();
  return "LLVM " LLVM_VERSION_STRING " " +
         buildIdOf(reinterpret_cast<const void*>(&LLVMGetVersion)) + "\n" + host.triple + "\n" +
         host.cpu + "\n" + host.features + "\n";
}

std::string keyOf(const ir::Module& kernel, const std::string& target) {
  ir::Module nameless = kernel;  // its number in a program does not matter
  nameless.name = "kernel";
  ir::PrintOptions options;
  options.origins = false;
  return target + ir::print(nameless, options);
}

std::string symbolOf(const std::string& key) {
  return "kernel_" + contentHash(std::as_bytes(std::span(key.data(), key.size()))).hex();
}

void generate(llvm::Module& module, llvm::TargetMachine& machine, llvm::SmallVector<char, 0>& out,
              llvm::CodeGenFileType type) {
  llvm::raw_svector_ostream stream(out);
  llvm::legacy::PassManager passes;
  const bool failed = machine.addPassesToEmitFile(passes, stream, nullptr, type);
  QT_ASSERT(!failed, "the target writes no object files");
  passes.run(module);
}

void setAttributes(llvm::Module& module) {
  if (!HostTarget::get().avx512) return;
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    // Kernels state their vectors; LLVM must not halve them where it thinks 256 bits the better.
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("min-legal-vector-width", "512");
  }
}

// The kernel's LLVM IR after the passes.
std::unique_ptr<llvm::Module> lower(const ir::Module& kernel, const std::string& symbol,
                                    llvm::LLVMContext& context, llvm::TargetMachine& machine) {
  auto module = std::make_unique<llvm::Module>(symbol, context);
  module->setTargetTriple(HostTarget::get().triple);
  module->setDataLayout(machine.createDataLayout());
  emitKernel(kernel, symbol, *module);
  std::string problem;
  llvm::raw_string_ostream problems(problem);
  QT_ASSERT(!llvm::verifyModule(*module, &problems), "invalid LLVM IR: " + problem);
  setAttributes(*module);
  optimise(*module, machine);
  return module;
}

constexpr const char* kCacheKind = "cpu object";

bool loadObject(Unit& unit, const std::string& key, const Jit::Options& options) {
  if (options.cache == nullptr || options.keepAssembly) return false;
  const auto object = options.cache->get(kCacheKind, key);
  if (!object) return false;
  const auto* bytes = reinterpret_cast<const char*>(object->data());
  unit.object.assign(bytes, bytes + object->size());
  unit.cached = true;
  return true;
}

void compileUnit(Unit& unit, const std::string& target, llvm::TargetMachine& machine,
                 const Jit::Options& options) {
  const std::string key = keyOf(*unit.kernel, target);
  unit.symbol = symbolOf(key);
  if (loadObject(unit, key, options)) return;
  llvm::LLVMContext context;
  const auto module = lower(*unit.kernel, unit.symbol, context, machine);
  if (options.keepAssembly) {
    llvm::SmallVector<char, 0> text;
    generate(*llvm::CloneModule(*module), machine, text, llvm::CodeGenFileType::AssemblyFile);
    unit.assembly.assign(text.begin(), text.end());
  }
  generate(*module, machine, unit.object, llvm::CodeGenFileType::ObjectFile);
  if (options.cache != nullptr) {
    options.cache->put(kCacheKind, key,
                       std::as_bytes(std::span(unit.object.data(), unit.object.size())));
  }
}

// Assertions in a compiling thread surface in the caller.
void compileUnits(std::vector<Unit>& units, const Jit::Options& options) {
  const std::string target = targetKey();
  std::atomic<size_t> next = 0;
  std::exception_ptr failure;
  std::mutex mutex;
  const auto work = [&] {
    try {
      const auto machine = createTargetMachine();
      for (size_t i = next++; i < units.size(); i = next++)
        compileUnit(units[i], target, *machine, options);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  const size_t threads = std::min(static_cast<size_t>(options.threads), units.size() / 2);
  for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
  work();
  for (std::thread& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
}

/// The compiler's own functions that kernels call, conversions of halves. A program that is linked
/// with a static libgcc has them where no search among its symbols finds them.
llvm::Error defineConversions(llvm::orc::LLJIT& session) {
  llvm::orc::SymbolMap symbols;
#if defined(__x86_64__)
  const auto add = [&](const char* name, void (*function)()) {
    symbols[session.mangleAndIntern(name)] = {
        llvm::orc::ExecutorAddr::fromPtr(function),
        llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
  };
  add("__extendhfdf2", __extendhfdf2);
  add("__extendhfsf2", __extendhfsf2);
  add("__truncdfhf2", __truncdfhf2);
  add("__truncsfhf2", __truncsfhf2);
#endif
  return session.getMainJITDylib().define(llvm::orc::absoluteSymbols(std::move(symbols)));
}

}  // namespace

const HostTarget& HostTarget::get() {
  static const HostTarget host = queryHost();
  return host;
}

struct Jit::Linked {
  std::unique_ptr<llvm::orc::LLJIT> session;
};

Jit::Jit() : linked_(std::make_unique<Linked>()) {}
Jit::~Jit() = default;

Result<std::unique_ptr<Jit>> Jit::compile(const std::vector<const ir::Module*>& kernels,
                                          const Options& options) {
  HostTarget::get();  // initialises LLVM's target once, before threads need it
  std::vector<Unit> units(kernels.size());
  for (size_t i = 0; i < units.size(); ++i) units[i].kernel = kernels[i];
  compileUnits(units, options);

  auto session = llvm::orc::LLJITBuilder().create();
  if (!session) return jitError(session.takeError());
  // Functions of the C library that kernels call (fmod, f64 functions, memory).
  auto process = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      (*session)->getDataLayout().getGlobalPrefix());
  if (!process) return jitError(process.takeError());
  (*session)->getMainJITDylib().addGenerator(std::move(*process));
  if (auto error = defineConversions(**session)) return jitError(std::move(error));

  std::unique_ptr<Jit> jit(new Jit);
  std::set<std::string> added;  // equal kernels have one symbol
  for (const Unit& unit : units) {
    jit->assembly_ += unit.assembly;
    jit->cached_ += unit.cached ? 1 : 0;
    if (!added.insert(unit.symbol).second) continue;
    auto object = llvm::MemoryBuffer::getMemBufferCopy(
        llvm::StringRef(unit.object.data(), unit.object.size()), unit.symbol);
    if (auto error = (*session)->addObjectFile(std::move(object)))
      return jitError(std::move(error));
  }
  for (const Unit& unit : units) {
    auto address = (*session)->lookup(unit.symbol);
    if (!address) return jitError(address.takeError());
    jit->functions_.push_back(address->toPtr<KernelFunction>());
  }
  jit->linked_->session = std::move(*session);
  return jit;
}

std::string Jit::code(const std::vector<const ir::Module*>& kernels) {
  const auto machine = createTargetMachine();
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (size_t i = 0; i < kernels.size(); ++i) {
    llvm::LLVMContext context;
    lower(*kernels[i], "kernel" + std::to_string(i), context, *machine)->print(stream, nullptr);
  }
  return text;
}

}  // namespace quartet::cpu
