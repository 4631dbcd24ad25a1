#include "backends/cpu/device.h"

#include "backends/cpu/description.h"
#include "backends/cpu/executable.h"

namespace quartet::cpu {

namespace {

class CpuDevice : public runtime::Device {
 public:
  CpuDevice(std::shared_ptr<runtime::Executor> executor, std::shared_ptr<runtime::CodeCache> cache,
            const TestOptions& options, hwdb::Description description)
      : executor_(std::move(executor)),
        cache_(std::move(cache)),
        options_(options),
        description_(std::move(description)) {}

  const hwdb::Description& description() const override { return description_; }
  Status supports(const ir::TensorExpr&) const override { return {}; }

  Result<std::shared_ptr<runtime::Executable>> compile(runtime::Program program) override {
    auto executable = Executable::create(std::move(program), executor_, description_, shared_,
                                         cache_.get(), options_);
    if (!executable) return tl::unexpected(std::move(executable).error());
    return std::shared_ptr<runtime::Executable>(std::move(*executable));
  }

 private:
  std::shared_ptr<runtime::Executor> executor_;
  std::shared_ptr<runtime::CodeCache> cache_;
  TestOptions options_;
  hwdb::Description description_;
  SharedParts shared_;
};

}  // namespace

Result<std::unique_ptr<runtime::Device>> createDevice(std::shared_ptr<runtime::Executor> executor,
                                                      std::shared_ptr<runtime::CodeCache> cache,
                                                      const TestOptions& options) {
  hwdb::Description description = QT_TRY(describeHost(executor->threads(), cache.get()));
  return std::make_unique<CpuDevice>(std::move(executor), std::move(cache), options,
                                     std::move(description));
}

Result<std::unique_ptr<runtime::Device>> createDevice(const runtime::DeviceOptions& options) {
  if (options.threads < 0) {
    return userError("the number of threads is " + std::to_string(options.threads), {},
                     "give a positive number, or 0 for all cores");
  }
  return createDevice(makeExecutor(ExecutorKind::Tbb, options.threads), options.cache);
}

}  // namespace quartet::cpu
