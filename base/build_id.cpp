#include "base/build_id.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <span>
#include <string_view>

namespace quartet {

namespace {

struct Search {
  uintptr_t address = 0;
  std::string id;
};

bool holds(const dl_phdr_info& object, uintptr_t address) {
  for (const ElfW(Phdr) & segment : std::span(object.dlpi_phdr, object.dlpi_phnum)) {
    const uintptr_t begin = object.dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD && address >= begin && address < begin + segment.p_memsz) {
      return true;
    }
  }
  return false;
}

std::string hexOf(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

// Notes of a segment: a header, a name and a description each, both padded to 4 bytes.
std::string idAmong(std::string_view notes) {
  const auto padded = [](size_t size) { return (size + 3) / 4 * 4; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes.data(), sizeof header);
    notes.remove_prefix(sizeof header);
    if (padded(header.n_namesz) + header.n_descsz > notes.size()) return {};
    const std::string_view name = notes.substr(0, header.n_namesz);
    notes.remove_prefix(padded(header.n_namesz));
    if (header.n_type == NT_GNU_BUILD_ID && name == std::string_view("GNU\0", 4)) {
      return hexOf(notes.substr(0, header.n_descsz));
    }
    notes.remove_prefix(std::min(padded(header.n_descsz), notes.size()));
  }
  return {};
}

int visit(dl_phdr_info* object, size_t /*size*/, void* data) {
  Search& search = *static_cast<Search*>(data);
  if (!holds(*object, search.address)) return 0;
  for (const ElfW(Phdr) & segment : std::span(object->dlpi_phdr, object->dlpi_phnum)) {
    // Segments of 8-byte alignment hold notes of another kind.
    if (segment.p_type != PT_NOTE || segment.p_align > 4) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as integers
    const auto* notes = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
    search.id = idAmong({notes, segment.p_memsz});
    if (!search.id.empty()) break;
  }
  return 1;
}

}  // namespace

std::string buildIdOf(const void* address) {
  Search search{reinterpret_cast<uintptr_t>(address), {}};
  dl_iterate_phdr(visit, &search);
  return search.id;
}

std::string buildId() { return buildIdOf(reinterpret_cast<const void*>(&buildIdOf)); }

}  // namespace quartet
