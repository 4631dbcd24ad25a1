#include "base/env.h"

#include <doctest/doctest.h>

#include <cstdlib>

namespace quartet {
namespace {

/// Sets a switch's variable for as long as it lives.
class Setting {
 public:
  Setting(EnvSwitch key, const char* value) : variable_(info(key).variable) {
    const char* old = std::getenv(variable_);
    if (old != nullptr) old_ = old;
    had_ = old != nullptr;
    setenv(variable_, value, 1);
  }
  ~Setting() {
    if (had_) {
      setenv(variable_, old_.c_str(), 1);
    } else {
      unsetenv(variable_);
    }
  }
  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;

 private:
  const char* variable_;
  std::string old_;
  bool had_ = false;
};

TEST_CASE("the table is in the order of the enum, with a text for everything") {
  size_t i = 0;
  for (const EnvSwitchInfo& facts : envSwitches()) {
    CHECK(static_cast<size_t>(facts.key) == i++);
    CHECK(std::string(facts.variable).rfind("QUARTET_", 0) == 0);
    CHECK(envHelp().find(std::string(facts.variable) + "=" + facts.grammar) != std::string::npos);
    CHECK(envHelp().find(facts.help) != std::string::npos);
  }
}

TEST_CASE("flags") {
  for (const auto& [value, meaning] : {std::pair("", false), {"0", false}, {"1", true}}) {
    const Setting setting(EnvSwitch::Reparse, value);
    CHECK(envFlag(EnvSwitch::Reparse).value() == meaning);
  }
  const Setting setting(EnvSwitch::Reparse, "yes");
  const auto flag = envFlag(EnvSwitch::Reparse);
  REQUIRE_FALSE(flag.has_value());
  CHECK(flag.error().message == "QUARTET_REPARSE is 'yes', required: 0 | 1");
  CHECK(checkEnvironment().error().message == flag.error().message);
}

TEST_CASE("folders") {
  for (const char* value : {"off", "/", "/var/cache/a b"}) {
    const Setting setting(EnvSwitch::Cache, value);
    CHECK(envPath(EnvSwitch::Cache).value() == value);
    CHECK(checkEnvironment().has_value());
  }
  {
    const Setting setting(EnvSwitch::Cache, "");
    CHECK(envPath(EnvSwitch::Cache).value() == std::nullopt);
  }
  for (const char* bad : {"0", "no", "OFF", "here/there", "~/cache"}) {
    const Setting setting(EnvSwitch::Cache, bad);
    const auto folder = envPath(EnvSwitch::Cache);
    REQUIRE_FALSE(folder.has_value());
    CHECK(folder.error().message ==
          "QUARTET_CACHE is '" + std::string(bad) + "', required: off | /folder");
    CHECK(checkEnvironment().error().message == folder.error().message);
  }
}

TEST_CASE("lists") {
  {
    const Setting setting(EnvSwitch::Print, "express,roller");
    CHECK(envList(EnvSwitch::Print).value() == std::vector<std::string>{"express", "roller"});
    CHECK(checkEnvironment().has_value());
  }
  for (const char* bad : {",", "a,", ",a", "a,,b", "a b", "a;b"}) {
    const Setting setting(EnvSwitch::Print, bad);
    const auto list = envList(EnvSwitch::Print);
    REQUIRE_FALSE(list.has_value());
    CHECK(list.error().message ==
          "QUARTET_PRINT is '" + std::string(bad) + "', required: all | name{,name}");
  }
}

}  // namespace
}  // namespace quartet
