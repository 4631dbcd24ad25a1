// What is measured of the host is measured once, and kept with the code.
#include <doctest/doctest.h>

#include "backends/cpu/probe.h"
#include "tests/temporary_folder.h"

using namespace quartet;

TEST_CASE("a probe is measured once for each host, width, threads and sizes") {
  const tests::TemporaryFolder folder;
  const auto cache = runtime::CodeCache::open(folder.path(), int64_t{1} << 20);
  REQUIRE(cache.has_value());
  const std::vector<int64_t> sizes = {32 << 10, 1 << 20};
  const auto probe = [&](const std::string& host, int lanes, int threads) {
    return cpu::recallOrProbe(host, lanes, threads, sizes, cache->get());
  };
  const cpu::ProbeResult first = probe("a host", 4, 2);
  CHECK(first.gigaflops > 0);
  CHECK(first.fmaNanoseconds > 0);
  CHECK(first.fmaLatencyNanoseconds >= first.fmaNanoseconds);
  CHECK(first.allCoresGigabytesPerSecond > 0);
  CHECK(first.taskMicroseconds > 0);
  CHECK(first.waveMicroseconds > 0);
  REQUIRE(first.gigabytesPerSecond.size() == sizes.size());
  CHECK(first.gigabytesPerSecond[1] > 0);

  // Readings of a clock are never the same twice in all digits: these are the kept ones.
  CHECK(probe("a host", 4, 2) == first);
  CHECK_FALSE(probe("another host", 4, 2) == first);
  CHECK_FALSE(probe("a host", 4, 1) == first);
  CHECK_FALSE(cpu::recallOrProbe("a host", 4, 2, sizes, nullptr) == first);
  CHECK(probe("a host", 4, 2) == first);
}
