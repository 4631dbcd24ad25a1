#include "backends/cuda/matrix_header.h"

namespace quartet::cuda {

namespace {

// Registers of a warp's invocation, by PTX's ISA (m16n16k16): 8 of two f16, 4 of two bf16, 2 of
// four bytes for a factor, 8 for sums. The layout of a factor that was loaded is a part of the
// product's instruction; it is known when functions are inlined. Rows lie a multiple of 16 bytes
// apart, as CUDA's C++ API asks for (load_matrix_sync); arrays begin at 32.
constexpr const char* kHeader = R"(#pragma once

#define QT_REGISTERS2(k, m) k(m.r[0]), k(m.r[1])
#define QT_REGISTERS4(k, m) QT_REGISTERS2(k, m), k(m.r[2]), k(m.r[3])
#define QT_REGISTERS8(k, m) QT_REGISTERS4(k, m), k(m.r[4]), k(m.r[5]), k(m.r[6]), k(m.r[7])
#define QT_LIST2 "{%0, %1}, [%2], %3;"
#define QT_LIST4 "{%0, %1, %2, %3}, [%4], %5;"
#define QT_LIST8 "{%0, %1, %2, %3, %4, %5, %6, %7}, [%8], %9;"

#define QT_FACTOR(name, letter, element, ptx, count, value, bits)                               \
  struct name {                                                                                 \
    uint r[count];                                                                              \
    bool column;                                                                                \
    name() = default;                                                                           \
    explicit name(value x) : column(false) {                                                    \
      for (int i = 0; i < count; ++i) r[i] = bits;                                              \
    }                                                                                           \
  };                                                                                            \
  inline void coopMatLoadNV(name& m, const element* from, uint index, uint stride, bool column) { \
    m.column = column;                                                                          \
    if (column) {                                                                               \
      asm volatile("wmma.load." letter ".sync.aligned.col.m16n16k16." ptx " " QT_LIST##count    \
                   : QT_REGISTERS##count("=r", m) : "l"(from + index), "r"(stride) : "memory"); \
    } else {                                                                                    \
      asm volatile("wmma.load." letter ".sync.aligned.row.m16n16k16." ptx " " QT_LIST##count    \
                   : QT_REGISTERS##count("=r", m) : "l"(from + index), "r"(stride) : "memory"); \
    }                                                                                           \
  }

#define QT_ACCUMULATOR(name, element, ptx, k)                                                   \
  struct name {                                                                                 \
    element r[8];                                                                               \
    name() = default;                                                                           \
    explicit name(element x) {                                                                  \
      for (int i = 0; i < 8; ++i) r[i] = x;                                                     \
    }                                                                                           \
  };                                                                                            \
  inline void coopMatLoadNV(name& m, const element* from, uint index, uint stride, bool column) { \
    if (column) {                                                                               \
      asm volatile("wmma.load.c.sync.aligned.col.m16n16k16." ptx " " QT_LIST8                   \
                   : QT_REGISTERS8("=" k, m) : "l"(from + index), "r"(stride) : "memory");      \
    } else {                                                                                    \
      asm volatile("wmma.load.c.sync.aligned.row.m16n16k16." ptx " " QT_LIST8                   \
                   : QT_REGISTERS8("=" k, m) : "l"(from + index), "r"(stride) : "memory");      \
    }                                                                                           \
  }                                                                                             \
  inline void coopMatStoreNV(name m, element* to, uint index, uint stride, bool column) {       \
    if (column) {                                                                               \
      asm volatile("wmma.store.d.sync.aligned.col.m16n16k16." ptx                               \
                   " [%8], {%0, %1, %2, %3, %4, %5, %6, %7}, %9;"                               \
                   :: QT_REGISTERS8(k, m), "l"(to + index), "r"(stride) : "memory");            \
    } else {                                                                                    \
      asm volatile("wmma.store.d.sync.aligned.row.m16n16k16." ptx                               \
                   " [%8], {%0, %1, %2, %3, %4, %5, %6, %7}, %9;"                               \
                   :: QT_REGISTERS8(k, m), "l"(to + index), "r"(stride) : "memory");            \
    }                                                                                           \
  }

#define QT_FACTORS2 "{%8, %9}, {%10, %11}, {%12, %13, %14, %15, %16, %17, %18, %19};"
#define QT_FACTORS4                                                                             \
  "{%8, %9, %10, %11}, {%12, %13, %14, %15}, {%16, %17, %18, %19, %20, %21, %22, %23};"
#define QT_FACTORS8                                                                             \
  "{%8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, %19, %20, %21, %22, %23}, "          \
  "{%24, %25, %26, %27, %28, %29, %30, %31};"
#define QT_MULTIPLY(order, types, count, k)                                                     \
  asm volatile("wmma.mma.sync.aligned." order ".m16n16k16." types                               \
               " {%0, %1, %2, %3, %4, %5, %6, %7}, " QT_FACTORS##count                          \
               : QT_REGISTERS8("=" k, d)                                                        \
               : QT_REGISTERS##count("r", a), QT_REGISTERS##count("r", b), QT_REGISTERS8(k, c))
#define QT_PRODUCT(a_type, b_type, sum, types, count, k)                                        \
  inline sum coopMatMulAddNV(a_type a, b_type b, sum c) {                                       \
    sum d;                                                                                      \
    if (a.column) {                                                                             \
      if (b.column) {                                                                           \
        QT_MULTIPLY("col.col", types, count, k);                                                \
      } else {                                                                                  \
        QT_MULTIPLY("col.row", types, count, k);                                                \
      }                                                                                         \
    } else {                                                                                    \
      if (b.column) {                                                                           \
        QT_MULTIPLY("row.col", types, count, k);                                                \
      } else {                                                                                  \
        QT_MULTIPLY("row.row", types, count, k);                                                \
      }                                                                                         \
    }                                                                                           \
    return d;                                                                                   \
  }

#define QT_FACTORS(dtype, element, ptx, count, value, bits)                                     \
  QT_FACTOR(Matrix_##dtype##_a, "a", element, ptx, count, value, bits)                          \
  QT_FACTOR(Matrix_##dtype##_b, "b", element, ptx, count, value, bits)
#define QT_PRODUCTS(dtype, sum, types, count, k)                                                \
  QT_PRODUCT(Matrix_##dtype##_a, Matrix_##dtype##_b, Matrix_##sum##_accumulator, types, count, k)

QT_ACCUMULATOR(Matrix_f32_accumulator, float, "f32", "f")
QT_ACCUMULATOR(Matrix_i32_accumulator, int, "s32", "r")
QT_FACTORS(f16, float16_t, "f16", 8, float, float16_t(x).bits * 0x10001u)
QT_FACTORS(bf16, uint16_t, "bf16", 4, float, (floatBitsToUint(x) >> 16) * 0x10001u)
QT_FACTORS(i8, int8_t, "s8", 2, int, (uint(x) & 255u) * 0x1010101u)
QT_FACTORS(u8, uint8_t, "u8", 2, uint, (x & 255u) * 0x1010101u)
QT_PRODUCTS(f16, f32, "f32.f32", 8, "f")
QT_PRODUCTS(bf16, f32, "f32.bf16.bf16.f32", 4, "f")
QT_PRODUCTS(i8, i32, "s32.s8.s8.s32", 2, "r")
QT_PRODUCTS(u8, i32, "s32.u8.u8.s32", 2, "r")
)";

}  // namespace

const char* matrixHeader() { return kHeader; }

std::string matrixName(const ir::Type& matrix) {
  constexpr const char* kUses[] = {"a", "b", "accumulator"};
  return "Matrix_" + std::string(ir::name(matrix.dtype)) + "_" +
         kUses[static_cast<size_t>(matrix.use)];
}

}  // namespace quartet::cuda
