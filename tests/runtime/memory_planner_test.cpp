#include "runtime/memory_planner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

using namespace quartet::runtime;

namespace {

struct Life {
  int64_t bytes;
  int first, last;  // waves
};

Program programOf(const std::vector<Life>& lives) {
  Program program;
  int waves = 0;
  for (const Life& life : lives) waves = std::max(waves, life.last + 1);
  program.waves.resize(static_cast<size_t>(waves));
  for (size_t i = 0; i < lives.size(); ++i) {
    BufferInfo buffer;
    buffer.kind = BufferInfo::Kind::Arena;
    buffer.bytes = lives[i].bytes;
    program.buffers.push_back(buffer);
    for (int wave : {lives[i].first, lives[i].last}) {
      Dispatch dispatch;
      dispatch.bindings.push_back({static_cast<int>(i), 0, lives[i].bytes});
      program.waves[static_cast<size_t>(wave)].dispatches.push_back(dispatch);
    }
  }
  return program;
}

int64_t largestLiveSet(const std::vector<Life>& lives) {
  int64_t largest = 0;
  for (const Life& at : lives) {
    int64_t live = 0;
    for (const Life& life : lives) {
      if (life.first <= at.first && at.first <= life.last) live += life.bytes;
    }
    largest = std::max(largest, live);
  }
  return largest;
}

void checkPlan(const Program& program, const std::vector<Life>& lives, int64_t align) {
  for (size_t a = 0; a < lives.size(); ++a) {
    const int64_t from = program.buffers[a].arenaOffset;
    REQUIRE(from >= 0);
    REQUIRE(from % align == 0);
    REQUIRE(from + lives[a].bytes <= program.arenaBytes);
    for (size_t b = 0; b < a; ++b) {
      if (lives[a].first > lives[b].last || lives[b].first > lives[a].last) continue;
      const int64_t other = program.buffers[b].arenaOffset;
      REQUIRE((from + lives[a].bytes <= other || other + lives[b].bytes <= from));
    }
  }
  CHECK(program.arenaBound == largestLiveSet(lives));
  CHECK(program.arenaBytes >= program.arenaBound);
}

}  // namespace

TEST_CASE("memory planner: a chain needs two neighbours at a time") {
  std::vector<Life> lives;
  for (int i = 0; i < 20; ++i) lives.push_back({1024, i, i + 1});
  Program program = programOf(lives);
  planMemory(program, 64);
  checkPlan(program, lives, 64);
  CHECK(program.arenaBytes == 2048);
  CHECK(program.arenaSum == 20 * 1024);
}

TEST_CASE("memory planner: random programs never overlap and stay near the bound") {
  std::mt19937 random(7);
  double worst = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<Life> lives;
    const int waves = 1 + static_cast<int>(random() % 40);
    const size_t count = 1 + random() % 60;
    for (size_t i = 0; i < count; ++i) {
      const int first = static_cast<int>(random() % static_cast<unsigned>(waves));
      const int length = static_cast<int>(random() % 6);
      lives.push_back({static_cast<int64_t>(64 * (1 + random() % (1U << random() % 12))), first,
                       std::min(waves - 1, first + length)});
    }
    Program program = programOf(lives);
    planMemory(program, 64);
    checkPlan(program, lives, 64);
    worst = std::max(
        worst, static_cast<double>(program.arenaBytes) / static_cast<double>(program.arenaBound));
  }
  CHECK(worst <= 1.2);
}

TEST_CASE("memory planner: planning twice gives the same offsets") {
  std::mt19937 random(3);
  std::vector<Life> lives;
  for (int i = 0; i < 200; ++i) {
    lives.push_back({static_cast<int64_t>(1 + random() % 100000), i / 2, i / 2 + 1 + i % 5});
  }
  Program first = programOf(lives);
  Program second = programOf(lives);
  planMemory(first, 256);
  planMemory(second, 256);
  checkPlan(first, lives, 256);
  for (size_t i = 0; i < lives.size(); ++i) {
    CHECK(first.buffers[i].arenaOffset == second.buffers[i].arenaOffset);
  }
}

TEST_CASE("memory planner: empty buffers, unused buffers, no buffers") {
  Program program = programOf({{0, 0, 1}, {100, 0, 0}});
  BufferInfo unused;
  unused.bytes = 1000;
  program.buffers.push_back(unused);
  planMemory(program, 64);
  CHECK(program.arenaBytes == 128);
  CHECK(program.arenaBound == 100);
  CHECK(program.buffers[2].arenaOffset == 0);
  Program empty;
  planMemory(empty, 64);
  CHECK(empty.arenaBytes == 0);
}
