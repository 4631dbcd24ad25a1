#include "backends/null/check.h"

#include <algorithm>
#include <climits>
#include <string>

#include "backends/null/written.h"

namespace quartet::null {
namespace {

using runtime::Binding;
using runtime::BufferInfo;
using runtime::Dispatch;
using runtime::Program;
using Access = ir::Type::Access;

tl::unexpected<Diagnostic> fault(std::string message, std::string where) {
  return tl::unexpected(
      Diagnostic{Diagnostic::Kind::Internal, std::move(message), std::move(where), {}, {}});
}

std::string bufferName(const Program& program, int buffer) {
  const std::string& name = program.buffers[static_cast<size_t>(buffer)].name;
  return "buffer " + std::to_string(buffer) + (name.empty() ? "" : " '" + name + "'");
}

std::string rangeText(const Binding& binding) {
  return "[" + std::to_string(binding.offset) + ", " +
         std::to_string(binding.offset + binding.bytes) + ")";
}

bool reads(Access access) { return access != Access::Write; }
bool writes(Access access) { return access != Access::Read; }

int64_t elementCount(const BufferInfo& buffer) {
  int64_t count = 1;
  for (int64_t extent : buffer.shape) count *= extent;
  return count;
}

/// One dispatch with its kernel's parameters.
struct Launch {
  const Program& program;
  const Dispatch& dispatch;
  std::string where;

  const ir::Module& kernel() const { return program.kernels[static_cast<size_t>(dispatch.kernel)]; }
  const ir::Type& parameter(size_t i) const {
    return kernel().type(kernel().region(kernel().top()).parameters[i]);
  }
  size_t parameterCount() const { return kernel().region(kernel().top()).parameters.size(); }
};

Status checkShape(const Launch& launch, const hwdb::Description& device) {
  const Dispatch& dispatch = launch.dispatch;
  const int kernels = static_cast<int>(launch.program.kernels.size());
  if (dispatch.kernel < 0 || dispatch.kernel >= kernels) {
    return fault("there is no kernel " + std::to_string(dispatch.kernel), launch.where);
  }
  if (dispatch.groups < 0 || dispatch.groups > INT_MAX) {
    return fault(std::to_string(dispatch.groups) + " groups", launch.where);
  }
  const ir::Module& kernel = launch.kernel();
  const int64_t local = kernel.attributes.has("local") ? kernel.attributes.integer("local") : 1;
  if (local < 1 || local > device.maxGroupInvocations.value) {
    return fault("groups of " + std::to_string(local) + " invocations, the device has " +
                     std::to_string(device.maxGroupInvocations.value),
                 launch.where);
  }
  if (dispatch.bindings.size() != launch.parameterCount()) {
    return fault(std::to_string(dispatch.bindings.size()) + " bindings, the kernel has " +
                     std::to_string(launch.parameterCount()) + " buffers",
                 launch.where);
  }
  if (static_cast<int64_t>(dispatch.bindings.size()) > device.maxBindings.value) {
    return fault(std::to_string(dispatch.bindings.size()) + " bindings, the device has " +
                     std::to_string(device.maxBindings.value),
                 launch.where);
  }
  for (int i = 0; i < kernel.opCount(); ++i) {
    const ir::Op& op = kernel.op({i});
    if (op.opcode != ir::Opcode::Param) continue;
    const int64_t index = op.attributes.integer("index");
    if (index >= static_cast<int64_t>(dispatch.parameters.size())) {
      return fault("the kernel reads launch parameter " + std::to_string(index) + " of " +
                       std::to_string(dispatch.parameters.size()),
                   launch.where);
    }
  }
  return {};
}

Status checkWindow(const Launch& launch, size_t i, const hwdb::Description& device) {
  const Binding& binding = launch.dispatch.bindings[i];
  if (binding.buffer < 0 || binding.buffer >= static_cast<int>(launch.program.buffers.size())) {
    return fault("there is no buffer " + std::to_string(binding.buffer), launch.where);
  }
  const BufferInfo& buffer = launch.program.buffers[static_cast<size_t>(binding.buffer)];
  const std::string what = bufferName(launch.program, binding.buffer);
  if (binding.offset < 0 || binding.bytes < 0 || binding.offset + binding.bytes > buffer.bytes) {
    return fault(
        what + ": window " + rangeText(binding) + " of " + std::to_string(buffer.bytes) + " bytes",
        launch.where);
  }
  if (binding.offset % device.bindingAlignBytes.value != 0) {
    return fault(what + ": window " + rangeText(binding) + " is not aligned to " +
                     std::to_string(device.bindingAlignBytes.value),
                 launch.where);
  }
  if (binding.bytes > device.maxBindingBytes.value) {
    return fault(what + ": window " + rangeText(binding) + " exceeds the binding range of " +
                     std::to_string(device.maxBindingBytes.value),
                 launch.where);
  }
  const ir::Type& parameter = launch.parameter(i);
  if (parameter.kind != ir::Type::Kind::Buffer || parameter.dtype != buffer.storage) {
    return fault(what + " holds " + std::string(ir::name(buffer.storage)) + ", the kernel takes " +
                     parameter.str(),
                 launch.where);
  }
  const bool constant =
      buffer.kind == BufferInfo::Kind::Input || buffer.kind == BufferInfo::Kind::Constant;
  if (constant && writes(parameter.access)) {
    return fault(what + " is an input or a constant, and the kernel writes it", launch.where);
  }
  return {};
}

bool overlap(const Binding& a, const Binding& b) {
  return a.buffer == b.buffer && a.offset < b.offset + b.bytes && b.offset < a.offset + a.bytes;
}

/// Two windows that one wave uses at once: one may not read what the other writes. Two writers may
/// share a window: they write different elements, which the plan's verifier has checked. So may the
/// pieces of one task set that changes a buffer in place: each reads elements of its own.
Status checkConflicts(const std::vector<Launch>& wave) {
  struct Use {
    const Launch* launch;
    size_t parameter;
    const Binding* binding;
    Access access;
  };
  std::vector<Use> uses;
  for (const Launch& launch : wave) {
    for (size_t i = 0; i < launch.dispatch.bindings.size(); ++i) {
      uses.push_back({&launch, i, &launch.dispatch.bindings[i], launch.parameter(i).access});
    }
  }
  for (const Use& writer : uses) {
    if (!writes(writer.access)) continue;
    for (const Use& reader : uses) {
      if (&reader == &writer || !reads(reader.access)) continue;
      if (!overlap(*writer.binding, *reader.binding)) continue;
      const bool pieces = reader.launch->dispatch.kernel == writer.launch->dispatch.kernel &&
                          reader.parameter == writer.parameter;
      if (pieces && reader.access == Access::ReadWrite) continue;
      return fault(bufferName(reader.launch->program, reader.binding->buffer) + ": " +
                       rangeText(*reader.binding) + " is read while " + writer.launch->where +
                       " writes " + rangeText(*writer.binding),
                   reader.launch->where);
    }
  }
  return {};
}

Status checkWave(const std::vector<Launch>& wave, const hwdb::Description& device,
                 std::vector<Written>& written) {
  for (const Launch& launch : wave) {
    QT_CHECK(checkShape(launch, device));
    for (size_t i = 0; i < launch.dispatch.bindings.size(); ++i) {
      QT_CHECK(checkWindow(launch, i, device));
      const Binding& binding = launch.dispatch.bindings[i];
      if (launch.dispatch.groups == 0 || !reads(launch.parameter(i).access)) continue;
      const Written& bytes = written[static_cast<size_t>(binding.buffer)];
      if (bytes.covers(binding.offset, binding.offset + binding.bytes)) continue;
      return fault(bufferName(launch.program, binding.buffer) + ": reads " + rangeText(binding) +
                       ", which nothing has written in full",
                   launch.where);
    }
  }
  QT_CHECK(checkConflicts(wave));
  for (const Launch& launch : wave) {
    for (size_t i = 0; i < launch.dispatch.bindings.size(); ++i) {
      const Binding& binding = launch.dispatch.bindings[i];
      if (!writes(launch.parameter(i).access)) continue;
      written[static_cast<size_t>(binding.buffer)].add(binding.offset,
                                                       binding.offset + binding.bytes);
    }
  }
  return {};
}

/// The buffers that come from other devices.
Status arrive(const Program& program, const runtime::Stage& stage, std::vector<Written>& written) {
  for (int buffer : stage.uploads) {
    const BufferInfo& info = program.buffers[static_cast<size_t>(buffer)];
    if (info.kind != BufferInfo::Kind::Arena || !info.layout.rowMajor()) {
      return fault("what arrives from another device is a row-major arena buffer",
                   bufferName(program, buffer));
    }
    written[static_cast<size_t>(buffer)].add(0, info.bytes);
  }
  return {};
}

/// The buffers that other devices read.
Status leave(const Program& program, const runtime::Stage& stage,
             const std::vector<Written>& written) {
  for (int buffer : stage.downloads) {
    const BufferInfo& info = program.buffers[static_cast<size_t>(buffer)];
    if (!info.layout.rowMajor()) {
      return fault("what leaves for another device is row-major", bufferName(program, buffer));
    }
    const int64_t bytes = elementCount(info) * ir::byteSize(info.storage);
    if (written[static_cast<size_t>(buffer)].covers(0, bytes)) continue;
    return fault("leaves for another device before it is written in full",
                 bufferName(program, buffer));
  }
  return {};
}

Status checkWaves(const Program& program, const hwdb::Description& device) {
  std::vector<Written> written(program.buffers.size());
  for (size_t i = 0; i < written.size(); ++i) {
    const BufferInfo& buffer = program.buffers[i];
    if (buffer.kind == BufferInfo::Kind::Input || buffer.kind == BufferInfo::Kind::Constant) {
      written[i].add(0, buffer.bytes);
    }
  }
  size_t w = 0;
  for (const runtime::Stage& stage : runtime::stagesOf(program)) {
    QT_CHECK(arrive(program, stage, written));
    for (; w < stage.waveEnd; ++w) {
      std::vector<Launch> wave;
      const std::string number = "wave " + std::to_string(w);
      for (const Dispatch& dispatch : program.waves.at(w).dispatches) {
        wave.push_back({program, dispatch, number + ", dispatch '" + dispatch.name + "'"});
      }
      QT_CHECK(checkWave(wave, device, written));
    }
    QT_CHECK(leave(program, stage, written));
  }
  for (size_t i = 0; i < written.size(); ++i) {
    if (program.buffers[i].kind != BufferInfo::Kind::Output) continue;
    const int64_t bytes =
        elementCount(program.buffers[i]) * ir::byteSize(program.buffers[i].storage);
    if (written[i].covers(0, bytes)) continue;
    return fault("the output is not written in full", bufferName(program, static_cast<int>(i)));
  }
  return {};
}

Status checkBuffer(const Program& program, size_t i) {
  const BufferInfo& buffer = program.buffers[i];
  const std::string where = bufferName(program, static_cast<int>(i));
  if (buffer.kind == BufferInfo::Kind::Constant) {
    if (buffer.data == nullptr) return fault("the constant has no data", where);
    if (buffer.data->elementCount() != elementCount(buffer)) {
      return fault(
          "the constant has " + std::to_string(buffer.data->elementCount()) + " elements of data",
          where);
    }
  }
  if (buffer.kind == BufferInfo::Kind::Input || buffer.kind == BufferInfo::Kind::Output) {
    if (!buffer.layout.rowMajor()) return fault("inputs and outputs are row-major", where);
  }
  if (buffer.bytes < elementCount(buffer) * ir::byteSize(buffer.storage)) {
    return fault(std::to_string(buffer.bytes) + " bytes for " +
                     std::to_string(elementCount(buffer)) + " elements",
                 where);
  }
  return {};
}

Status checkArena(const Program& program, const hwdb::Description& device) {
  struct Life {
    int first = INT_MAX, last = -1;
  };
  std::vector<Life> lives(program.buffers.size());
  const auto use = [&](int buffer, size_t w) {
    Life& life = lives[static_cast<size_t>(buffer)];
    life.first = std::min(life.first, static_cast<int>(w));
    life.last = std::max(life.last, static_cast<int>(w));
  };
  for (size_t w = 0; w < program.waves.size(); ++w) {
    for (const Dispatch& dispatch : program.waves[w].dispatches) {
      for (const Binding& binding : dispatch.bindings) use(binding.buffer, w);
    }
  }
  size_t first = 0;
  for (const runtime::Stage& stage : program.stages) {
    if (stage.waveEnd == first) continue;  // nothing but empty tensors
    for (int buffer : stage.uploads) use(buffer, first);
    for (int buffer : stage.downloads) use(buffer, stage.waveEnd - 1);
    first = stage.waveEnd;
  }
  for (size_t a = 0; a < lives.size(); ++a) {
    const BufferInfo& buffer = program.buffers[a];
    if (buffer.kind != BufferInfo::Kind::Arena || lives[a].last < 0) continue;
    const std::string where = bufferName(program, static_cast<int>(a));
    const int64_t end = buffer.arenaOffset + buffer.bytes;
    if (buffer.arenaOffset < 0 || end > program.arenaBytes) {
      return fault("bytes [" + std::to_string(buffer.arenaOffset) + ", " + std::to_string(end) +
                       ") of an arena of " + std::to_string(program.arenaBytes),
                   where);
    }
    if (buffer.arenaOffset % device.bindingAlignBytes.value != 0) {
      return fault("arena offset " + std::to_string(buffer.arenaOffset) + " is not aligned", where);
    }
    for (size_t b = 0; b < a; ++b) {
      const BufferInfo& other = program.buffers[b];
      if (other.kind != BufferInfo::Kind::Arena || lives[b].last < 0) continue;
      if (lives[a].first > lives[b].last || lives[b].first > lives[a].last) continue;
      if (buffer.arenaOffset >= other.arenaOffset + other.bytes || other.arenaOffset >= end) {
        continue;
      }
      return fault("shares arena bytes with " + bufferName(program, static_cast<int>(b)) +
                       " while both live",
                   where);
    }
  }
  return {};
}

}  // namespace

Status checkProgram(const Program& program, const hwdb::Description& device) {
  for (size_t i = 0; i < program.buffers.size(); ++i) QT_CHECK(checkBuffer(program, i));
  QT_CHECK(checkWaves(program, device));
  return checkArena(program, device);
}

}  // namespace quartet::null
