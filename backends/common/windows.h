// Task sets over buffers larger than a binding may reach: cut into launches that see a window each.
#pragma once

#include <map>
#include <vector>

#include "backends/common/lower_tasks.h"
#include "runtime/program.h"

namespace quartet::common {

/// What a task set touches of each of its buffers when its domain is cut to `domain`: a box of
/// logical indices per buffer (a superset where index maps are not affine).
std::map<ir::ValueId, ir::Box> touched(const ir::Module& plan, ir::OpId tasks,
                                       const ir::Box& domain, const ir::SymbolValues& symbols);

/// The byte range of `box` in a buffer of this logical shape, layout and size in bytes, as [first,
/// last) in whole steps of its outermost physical axis.
struct ByteRange {
  int64_t first = 0;
  int64_t last = 0;
};
ByteRange byteRange(const std::vector<int64_t>& shape, const ir::Layout& layout, int64_t bytes,
                    const ir::Box& box);

/// Cuts `whole` (one dispatch over all groups, of a kernel lowered with windows) along the slowest
/// axis into as few dispatches as the device's binding range allows. Error: a single slice is too
/// large.
Result<std::vector<runtime::Dispatch>> cutIntoWindows(
    const ir::Module& plan, ir::OpId tasks, const LoweredTasks& lowered,
    const runtime::Dispatch& whole, const std::vector<runtime::BufferInfo>& buffers,
    const hwdb::Description& device, const ir::SymbolValues& symbols);

}  // namespace quartet::common
