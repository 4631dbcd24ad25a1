#include "characterize/kernels.h"

#include <fmt/format.h>

#include <vector>

#include "characterize/kernel_text.h"

namespace quartet::characterize {

namespace {

/// The loops of a walk; `visit` is called in them with the number of a stream and its index.
template <class F>
void walk(Text& text, const KernelShape& shape, bool wraps, F visit) {
  std::string base = text.binary("mul", text.value("group_id"), text.parameter(0));
  if (shape.invocations > 0) {
    const std::string offset = text.binary("mul", text.value("local_id"), text.parameter(1));
    base = text.binary("add", base, offset);
  }
  const std::string count = text.parameter(2);
  const std::string step = text.parameter(3);
  const std::string stride = text.parameter(4);
  const std::string mask = wraps ? text.parameter(6) : "";
  std::vector<std::string> starts{base};
  for (int s = 1; s < kStreams; ++s) starts.push_back(text.binary("add", starts.back(), stride));
  text.loop(text.parameter(5), text.literal(1));
  const std::string i = text.loop(count, step);
  for (int s = 0; s < kStreams; ++s) {
    std::string index = text.binary("add", starts[static_cast<size_t>(s)], i);
    if (wraps) index = text.binary("and", index, mask);
    visit(s, index);
  }
  text.close();
  text.close();
}

}  // namespace

std::vector<uint32_t> parametersOf(const Walk& walk) {
  std::vector<uint32_t> words;
  for (const int64_t word : {walk.groupStride, walk.invocationStride, walk.count, walk.step,
                             walk.streamStride, walk.passes, walk.mask}) {
    words.push_back(static_cast<uint32_t>(word));
  }
  return words;
}

std::string multiplyAddKernel(const std::string& dtype, const KernelShape& shape, int chains,
                              int64_t elements) {
  const bool real = dtype[0] == 'f';
  const std::string type = vectorType(dtype, shape.lanes);
  Text text(fmt::format("multiply_add_{}_{}", dtype, chains), shape.invocations);
  const std::string out = text.buffer("out", "write", dtype, elements);
  const std::string index = ownIndex(text, shape.lanes);
  std::string factor = text.parameter(1);
  if (dtype != "i32") factor = text.value("cast " + factor, dtype);
  if (shape.lanes > 1) factor = text.value("splat " + factor, type);
  std::vector<std::string> sums;
  for (int i = 0; i < chains; ++i) {
    const std::string start =
        text.value(fmt::format("literal {{value = {}{}}}", i + 1, real ? ".0" : ""), type);
    sums.push_back(text.variable(type, start));
  }
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) {
    for (size_t i = 0; i < sums.size(); ++i) {
      const std::string next = text.get(sums[(i + 1) % sums.size()], type);
      const std::string before = text.get(sums[i], type);
      if (real) {
        text.set(sums[i], text.value(fmt::format("fma {}, {}, {}", next, factor, before), type));
      } else {
        const std::string product = text.binary("mul", next, factor, type);
        text.set(sums[i], text.binary("add", product, before, type));
      }
    }
  }
  text.close();
  text.store(out, index, total(text, sums, type), shape.lanes);
  return text.str();
}

std::string fillKernel(const KernelShape& shape, int64_t elements) {
  const std::string type = vectorType("f32", shape.lanes);
  Text text("fill", shape.invocations);
  const std::string out = text.buffer("out", "write", "f32", elements);
  const std::string base = ownIndex(text, shape.lanes);
  const std::string stride = text.parameter(1);
  const std::string one = text.value("literal {value = 1.0}", type);
  const std::string i = text.loop(text.parameter(0), text.literal(1));
  const std::string offset = text.binary("mul", i, stride);
  text.store(out, text.binary("add", base, offset), one, shape.lanes);
  text.close();
  return text.str();
}

std::string readKernel(const KernelShape& shape, int64_t elements, int64_t sums, bool wraps) {
  const std::string type = vectorType("f32", shape.lanes);
  Text text(fmt::format("read_{}", shape.lanes), shape.invocations);
  const std::string in = text.buffer("in", "read", "f32", elements);
  const std::string out = text.buffer("out", "write", "f32", sums);
  const std::string zero = text.value("literal {value = 0.0}", type);
  std::vector<std::string> parts;
  for (int s = 0; s < kStreams; ++s) parts.push_back(text.variable(type, zero));
  walk(text, shape, wraps, [&](int stream, const std::string& index) {
    const std::string& part = parts[static_cast<size_t>(stream)];
    const std::string loaded = text.load(in, index, "f32", shape.lanes);
    text.set(part, text.binary("add", text.get(part, type), loaded, type));
  });
  const std::string sum = total(text, parts, type);
  text.store(out, ownIndex(text, shape.lanes), sum, shape.lanes);
  return text.str();
}

std::string copyKernel(const KernelShape& shape, int64_t elements) {
  Text text(fmt::format("copy_{}", shape.lanes), shape.invocations);
  const std::string in = text.buffer("in", "read", "f32", elements);
  const std::string out = text.buffer("out", "write", "f32", elements);
  walk(text, shape, false, [&](int, const std::string& index) {
    text.store(out, index, text.load(in, index, "f32", shape.lanes), shape.lanes);
  });
  return text.str();
}

std::string cachedLoadKernel(const KernelShape& shape, bool broadcast) {
  constexpr int64_t kElements = 64;
  const std::string type = vectorType("f32", shape.lanes);
  Text text(broadcast ? "load_broadcast" : "load_vector", shape.invocations);
  const std::string in =
      text.buffer("in", "read", "f32", kElements + kCachedLoads * int64_t{shape.lanes});
  const std::string out = text.buffer("out", "write", "f32", shape.groupElements());
  const std::string zero = text.value("literal {value = 0.0}", type);
  std::vector<std::string> parts;
  for (int s = 0; s < kCachedLoads; ++s) parts.push_back(text.variable(type, zero));
  const std::string i = text.loop(text.parameter(0), text.literal(1));
  // The place changes, so that no load is moved out of the loop.
  const std::string step = text.literal(shape.lanes);
  const std::string moved = text.binary("mul", i, step);
  const std::string start = text.binary("and", moved, text.literal(kElements - 1));
  for (int s = 0; s < kCachedLoads; ++s) {
    const std::string& part = parts[static_cast<size_t>(s)];
    const std::string index = text.binary("add", start, text.literal(int64_t{s} * shape.lanes));
    std::string loaded = text.load(in, index, "f32", broadcast ? 1 : shape.lanes);
    if (broadcast && shape.lanes > 1) loaded = text.value("splat " + loaded, type);
    text.set(part, text.binary("add", text.get(part, type), loaded, type));
  }
  text.close();
  const std::string sum = total(text, parts, type);
  text.store(out, ownIndex(text, shape.lanes), sum, shape.lanes);
  return text.str();
}

std::string chaseKernel(int64_t invocations, int64_t elements, int64_t states) {
  Text text("chase", invocations);
  const std::string ring = text.buffer("ring", "read", "i32", elements);
  const std::string state = text.buffer("state", "readwrite", "i32", states);
  const std::string slot = text.parameter(1);
  const std::string at = text.variable("i32", text.load(state, slot, "i32", 1));
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) {
    text.set(at, text.load(ring, text.get(at, "i32"), "i32", 1));
  }
  text.close();
  text.store(state, slot, text.get(at, "i32"));
  return text.str();
}

std::string workgroupChaseKernel(int64_t words) {
  Text text("workgroup_chase", 1);
  const std::string state = text.buffer("state", "readwrite", "i32", 4);
  const std::string ring =
      text.value("shared", fmt::format("buffer<workgroup readwrite i32[{}]>", words));
  const std::string mask = text.literal(words - 1);
  const std::string hop = text.literal(17);  // odd: the ring visits every word
  const std::string i = text.loop(text.literal(words), text.literal(1));
  text.store(ring, i, text.binary("and", text.binary("add", i, hop), mask));
  text.close();
  text.effect("barrier");
  const std::string zero = text.literal(0);
  const std::string at = text.variable("i32", text.load(state, zero, "i32", 1));
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) {
    text.set(at, text.load(ring, text.get(at, "i32"), "i32", 1));
  }
  text.close();
  text.store(state, zero, text.get(at, "i32"));
  return text.str();
}

std::string workgroupReadKernel(int64_t invocations, int64_t words, int64_t sums) {
  Text text("workgroup_read", invocations);
  const std::string out = text.buffer("out", "write", "f32", sums);
  const std::string tile =
      text.value("shared", fmt::format("buffer<workgroup readwrite f32[{}]>", words));
  const std::string id = text.value("local_id");
  const std::string own = text.value("cast " + id, "f32");
  const std::string fill = text.loop(text.literal(words / invocations), text.literal(1));
  const std::string row = text.binary("mul", fill, text.literal(invocations));
  text.store(tile, text.binary("add", row, id), own);
  text.close();
  text.effect("barrier");
  const std::string start = text.binary("mul", id, text.parameter(0));
  const std::string mask = text.literal(words - 1);
  const std::string zero = text.value("literal {value = 0.0}", "f32");
  const std::string sum = text.variable("f32", zero);
  const std::string four = text.literal(kLinksPerCount);
  const std::string i = text.loop(text.parameter(1), text.literal(1));
  const std::string first = text.binary("add", start, text.binary("mul", i, four));
  for (int link = 0; link < kLinksPerCount; ++link) {
    const std::string moved = text.binary("add", first, text.literal(link));
    const std::string loaded = text.load(tile, text.binary("and", moved, mask), "f32", 1);
    text.set(sum, text.binary("add", text.get(sum, "f32"), loaded, "f32"));
  }
  text.close();
  text.store(out, text.invocation(), text.get(sum, "f32"));
  return text.str();
}

std::string barrierKernel(int64_t invocations, int64_t sums) {
  Text text("barrier", invocations);
  const std::string out = text.buffer("out", "write", "f32", sums);
  text.loop(text.parameter(0), text.literal(1));
  for (int link = 0; link < kLinksPerCount; ++link) text.effect("barrier");
  text.close();
  text.store(out, text.invocation(), text.value("literal {value = 1.0}", "f32"));
  return text.str();
}

std::string meetingKernel(int64_t invocations, int64_t groups) {
  Text text("meeting", invocations > 0 ? 1 : 0);
  const std::string arrived = text.buffer("arrived", "readwrite", "i32", 4);
  const std::string result = text.buffer("seen", "write", "i32", groups);
  const std::string zero = text.literal(0);
  const std::string one = text.literal(1);
  const auto add = [&](const std::string& value) {
    return text.value(fmt::format("atomic_add {}, {}, {}", arrived, zero, value));
  };
  const std::string all = text.parameter(0);
  const std::string seen = text.variable("i32", text.binary("add", add(one), one));
  text.loop(text.parameter(1), one);
  text.effect(fmt::format("if {} {{", text.binary("lt", text.get(seen, "i32"), all, "bool")));
  text.set(seen, add(zero));
  text.effect("} {}");
  text.close();
  text.store(result, text.value("group_id"), text.get(seen, "i32"));
  return text.str();
}

std::string tinyKernel(int64_t invocations, int64_t elements) {
  Text text("tiny", invocations > 0 ? 1 : 0);
  const std::string out = text.buffer("out", "write", "f32", elements);
  text.store(out, text.value("group_id"), text.value("literal {value = 1.0}", "f32"));
  return text.str();
}

}  // namespace quartet::characterize
