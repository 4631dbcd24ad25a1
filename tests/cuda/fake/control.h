// How tests steer the library that stands in for the CUDA driver (driver.cpp), and ask it.
#pragma once

#include <cstddef>

extern "C" {

/// As after a start: nothing fails, nothing is lost, all memory is free. What lives stays.
void fakeCudaReset();
/// Makes one call of `function` fail with `result`, after `skip` calls that succeed. A result that
/// means a lost device is that of all later calls too.
void fakeCudaFail(const char* function, int result, int skip);
/// Objects that live: memory of both sides, modules, streams, events, graphs, retained contexts.
long fakeCudaLive();
/// Bytes that are said to be free from now on.
void fakeCudaSetFree(size_t bytes);
/// Kernels launched, directly or by graphs; graphs launched.
long fakeCudaLaunches();
long fakeCudaGraphLaunches();
}
