#include "backends/cuda/kernel_header.h"

namespace quartet::cuda {

namespace {

constexpr const char* kHeader = R"(#pragma once

typedef unsigned int uint;
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef short int16_t;
typedef unsigned short uint16_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;

// In memory only: values are held as float.
struct float16_t {
  uint16_t bits;
  float16_t() = default;
  explicit float16_t(float x) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x)); }
  explicit operator float() const {
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
    return x;
  }
};

// ---- vectors ----

template <class T>
struct alignas(2 * sizeof(T)) Vec2 {
  T x, y;
  Vec2() = default;
  explicit Vec2(T s) : x(s), y(s) {}
  Vec2(T x, T y) : x(x), y(y) {}
  template <class U>
  explicit Vec2(Vec2<U> v) : x(T(v.x)), y(T(v.y)) {}
};
template <class T>
struct Vec3 {
  T x, y, z;
  Vec3() = default;
  explicit Vec3(T s) : x(s), y(s), z(s) {}
  Vec3(T x, T y, T z) : x(x), y(y), z(z) {}
  template <class U>
  explicit Vec3(Vec3<U> v) : x(T(v.x)), y(T(v.y)), z(T(v.z)) {}
};
template <class T>
struct alignas(4 * sizeof(T)) Vec4 {
  T x, y, z, w;
  Vec4() = default;
  explicit Vec4(T s) : x(s), y(s), z(s), w(s) {}
  Vec4(T x, T y, T z, T w) : x(x), y(y), z(z), w(w) {}
  template <class U>
  explicit Vec4(Vec4<U> v) : x(T(v.x)), y(T(v.y)), z(T(v.z)), w(T(v.w)) {}
};
using vec2 = Vec2<float>;
using vec3 = Vec3<float>;
using vec4 = Vec4<float>;
using dvec2 = Vec2<double>;
using dvec3 = Vec3<double>;
using dvec4 = Vec4<double>;
using ivec2 = Vec2<int>;
using ivec3 = Vec3<int>;
using ivec4 = Vec4<int>;
using uvec2 = Vec2<uint>;
using uvec3 = Vec3<uint>;
using uvec4 = Vec4<uint>;
using bvec2 = Vec2<bool>;
using bvec3 = Vec3<bool>;
using bvec4 = Vec4<bool>;
using i64vec2 = Vec2<int64_t>;
using i64vec3 = Vec3<int64_t>;
using i64vec4 = Vec4<int64_t>;
using u64vec2 = Vec2<uint64_t>;
using u64vec3 = Vec3<uint64_t>;
using u64vec4 = Vec4<uint64_t>;

// each(f, a, ...): f applied lane by lane.
template <class F, class A, class... B>
auto each(F f, Vec2<A> a, Vec2<B>... b) {
  return Vec2<decltype(f(a.x, b.x...))>(f(a.x, b.x...), f(a.y, b.y...));
}
template <class F, class A, class... B>
auto each(F f, Vec3<A> a, Vec3<B>... b) {
  return Vec3<decltype(f(a.x, b.x...))>(f(a.x, b.x...), f(a.y, b.y...), f(a.z, b.z...));
}
template <class F, class A, class... B>
auto each(F f, Vec4<A> a, Vec4<B>... b) {
  return Vec4<decltype(f(a.x, b.x...))>(f(a.x, b.x...), f(a.y, b.y...), f(a.z, b.z...),
                                        f(a.w, b.w...));
}

#define QT_OPERATOR(op)                                        \
  template <template <class> class V, class T>                 \
  V<T> operator op(V<T> a, V<T> b) {                           \
    return each([](T p, T q) { return T(p op q); }, a, b);     \
  }                                                            \
  template <template <class> class V, class T>                 \
  V<T> operator op(V<T> a, T b) {                              \
    return a op V<T>(b);                                       \
  }
QT_OPERATOR(+)
QT_OPERATOR(-)
QT_OPERATOR(*)
QT_OPERATOR(/)
QT_OPERATOR(&)
QT_OPERATOR(|)
QT_OPERATOR(^)
#undef QT_OPERATOR
template <template <class> class V, class T>
V<T> operator-(V<T> a) {
  return each([](T p) { return T(-p); }, a);
}
template <template <class> class V, class T>
V<T> operator~(V<T> a) {
  return each([](T p) { return T(~p); }, a);
}
template <class T>
bool operator==(Vec2<T> a, Vec2<T> b) {
  return a.x == b.x && a.y == b.y;
}

#define QT_COMPARISON(name, op)                      \
  template <template <class> class V, class T>       \
  V<bool> name(V<T> a, V<T> b) {                     \
    return each([](T p, T q) { return p op q; }, a, b); \
  }
QT_COMPARISON(equal, ==)
QT_COMPARISON(notEqual, !=)
QT_COMPARISON(lessThan, <)
QT_COMPARISON(lessThanEqual, <=)
QT_COMPARISON(greaterThan, >)
QT_COMPARISON(greaterThanEqual, >=)
#undef QT_COMPARISON

inline bool any(bvec2 a) { return a.x || a.y; }
inline bool any(bvec3 a) { return a.x || a.y || a.z; }
inline bool any(bvec4 a) { return a.x || a.y || a.z || a.w; }

// ---- functions of scalars and vectors ----

template <class T>
T mix(T a, T b, bool c) {
  return c ? b : a;
}
template <template <class> class V, class T>
V<T> mix(V<T> a, V<T> b, V<bool> c) {
  return each([](T p, T q, bool r) { return r ? q : p; }, a, b, c);
}
template <class T>
T clamp(T x, T low, T high) {
  return min(max(x, low), high);
}
inline float roundEven(float x) { return rintf(x); }
inline double roundEven(double x) { return rint(x); }

#define QT_LANES_1(name)                             \
  template <template <class> class V, class T>       \
  V<T> name(V<T> a) {                                \
    return each([](T p) { return T(name(p)); }, a);  \
  }
#define QT_LANES_2(name)                                      \
  template <template <class> class V, class T>                \
  V<T> name(V<T> a, V<T> b) {                                 \
    return each([](T p, T q) { return T(name(p, q)); }, a, b); \
  }
QT_LANES_1(abs)
QT_LANES_1(sqrt)
QT_LANES_1(floor)
QT_LANES_1(ceil)
QT_LANES_1(roundEven)
QT_LANES_2(min)
QT_LANES_2(max)
#undef QT_LANES_1
#undef QT_LANES_2
template <template <class> class V, class T>
V<T> fma(V<T> a, V<T> b, V<T> c) {
  return each([](T p, T q, T r) { return fma(p, q, r); }, a, b, c);
}

// ---- bits ----

inline uint floatBitsToUint(float x) { return __float_as_uint(x); }
inline int floatBitsToInt(float x) { return __float_as_int(x); }
inline float uintBitsToFloat(uint x) { return __uint_as_float(x); }
inline float intBitsToFloat(int x) { return __int_as_float(x); }
inline int64_t doubleBitsToInt64(double x) { return __double_as_longlong(x); }
inline uint64_t doubleBitsToUint64(double x) { return uint64_t(__double_as_longlong(x)); }
inline double int64BitsToDouble(int64_t x) { return __longlong_as_double(x); }
inline double uint64BitsToDouble(uint64_t x) { return __longlong_as_double(int64_t(x)); }
#define QT_BITS(name, From, To)                      \
  template <template <class> class V>                \
  V<To> name(V<From> a) {                            \
    return each([](From p) { return name(p); }, a);  \
  }
QT_BITS(doubleBitsToInt64, double, int64_t)
QT_BITS(doubleBitsToUint64, double, uint64_t)
QT_BITS(int64BitsToDouble, int64_t, double)
QT_BITS(uint64BitsToDouble, uint64_t, double)
QT_BITS(floatBitsToUint, float, uint)
QT_BITS(floatBitsToInt, float, int)
QT_BITS(uintBitsToFloat, uint, float)
QT_BITS(intBitsToFloat, int, float)
#undef QT_BITS
inline double packDouble2x32(uvec2 a) { return __hiloint2double(int(a.y), int(a.x)); }
inline uvec2 unpackDouble2x32(double x) {
  return uvec2(uint(__double2loint(x)), uint(__double2hiint(x)));
}
inline int64_t packInt2x32(ivec2 a) {
  return int64_t(uint64_t(uint(a.x)) | uint64_t(uint(a.y)) << 32);
}
inline uvec2 unpackUint2x32(uint64_t x) { return uvec2(uint(x), uint(x >> 32)); }
inline int bitfieldExtract(int x, int offset, int bits) {
  return int(uint(x) << (32 - offset - bits)) >> (32 - bits);
}
inline int findMSB(uint x) { return 31 - __clz(int(x)); }

inline int atomicAdd(int& at, int value) { return atomicAdd(&at, value); }
inline uint atomicAdd(uint& at, uint value) { return atomicAdd(&at, value); }

// ---- the status ----

struct Status {
  uint code;
  uint node;
  uvec2 detail;
};
)";

}  // namespace

const char* kernelHeader() { return kHeader; }

}  // namespace quartet::cuda
