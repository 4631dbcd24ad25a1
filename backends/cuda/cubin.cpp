#include "backends/cuda/cubin.h"

#include <elf.h>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

namespace quartet::cuda {

namespace {

// Attributes of .nv.info: a format, a kind, the size of what follows; here words {symbol, value}.
constexpr uint8_t kSizedValue = 4;
constexpr uint8_t kFrameSize = 0x11;
constexpr uint8_t kRegisterCount = 0x2f;

/// A value at an offset; nothing when it would reach past the end.
template <class T>
std::optional<T> at(std::span<const std::byte> bytes, uint64_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

class Cubin {
 public:
  explicit Cubin(std::span<const std::byte> bytes) : bytes_(bytes) {}

  bool open() {
    const auto header = at<Elf64_Ehdr>(bytes_, 0);
    if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
        header->e_ident[EI_CLASS] != ELFCLASS64) {
      return false;
    }
    for (uint64_t i = 0; i < header->e_shnum; ++i) {
      const auto section = at<Elf64_Shdr>(bytes_, header->e_shoff + i * sizeof(Elf64_Shdr));
      if (!section) return false;
      sections_.push_back(*section);
    }
    names_ = header->e_shstrndx;
    return names_ < sections_.size();
  }

  const Elf64_Shdr* section(const std::string& name) const {
    for (const Elf64_Shdr& each : sections_) {
      if (text(sections_[names_], each.sh_name) == name) return &each;
    }
    return nullptr;
  }

  /// The value of an attribute of .nv.info for a function; nothing when there is none.
  std::optional<uint32_t> attribute(uint8_t kind, const std::string& function) const {
    const Elf64_Shdr* info = section(".nv.info");
    if (info == nullptr) return std::nullopt;
    const std::span<const std::byte> data = contents(*info);
    for (uint64_t offset = 0; offset + 4 <= data.size();) {
      const auto format = *at<uint8_t>(data, offset);
      const auto found = *at<uint8_t>(data, offset + 1);
      const auto size = *at<uint16_t>(data, offset + 2);
      if (format == kSizedValue && found == kind) {
        const auto symbol = at<uint32_t>(data, offset + 4);
        const auto value = at<uint32_t>(data, offset + 8);
        if (symbol && symbolName(*symbol) == function) return value;
      }
      offset += 4 + (format == kSizedValue ? size : 0U);
    }
    return std::nullopt;
  }

 private:
  std::span<const std::byte> contents(const Elf64_Shdr& section) const {
    if (section.sh_offset > bytes_.size() || bytes_.size() - section.sh_offset < section.sh_size) {
      return {};
    }
    return bytes_.subspan(section.sh_offset, section.sh_size);
  }

  std::string text(const Elf64_Shdr& table, uint64_t offset) const {
    const std::span<const std::byte> data = contents(table);
    std::string name;
    for (uint64_t i = offset; i < data.size() && data[i] != std::byte{0}; ++i) {
      name += static_cast<char>(data[i]);
    }
    return name;
  }

  std::string symbolName(uint32_t number) const {
    const Elf64_Shdr* symbols = section(".symtab");
    if (symbols == nullptr || symbols->sh_link >= sections_.size()) return {};
    const auto symbol = at<Elf64_Sym>(contents(*symbols), uint64_t{number} * sizeof(Elf64_Sym));
    return symbol ? text(sections_[symbols->sh_link], symbol->st_name) : std::string();
  }

  std::span<const std::byte> bytes_;
  std::vector<Elf64_Shdr> sections_;
  size_t names_ = 0;
};

}  // namespace

Result<KernelFigures> readFigures(std::span<const std::byte> bytes, std::string_view kernel) {
  const auto error = [](const std::string& message) {
    return tl::unexpected(Diagnostic{Diagnostic::Kind::Internal, message, "a CUBIN", {}, ""});
  };
  const std::string name(kernel);
  Cubin cubin(bytes);
  if (!cubin.open()) return error("this is no 64-bit ELF file");
  const Elf64_Shdr* code = cubin.section(".text." + name);
  const auto registers = cubin.attribute(kRegisterCount, name);
  if (code == nullptr || !registers) return error("there is no kernel '" + name + "' in it");
  KernelFigures figures;
  figures.registers = *registers;
  figures.stackBytes = cubin.attribute(kFrameSize, name).value_or(0);
  figures.codeBytes = static_cast<int64_t>(code->sh_size);
  const Elf64_Shdr* shared = cubin.section(".nv.shared." + name);
  if (shared != nullptr) figures.sharedBytes = static_cast<int64_t>(shared->sh_size);
  return figures;
}

}  // namespace quartet::cuda
