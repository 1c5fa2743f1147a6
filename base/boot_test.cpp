#include "base/boot.h"

#include <gtest/gtest.h>

namespace rbk {
namespace {

TEST(BootIdentity, NamesTheBootAndThePidNamespace) {
  const std::string identity = boot_identity();
  EXPECT_EQ(identity.find(":pid:["), 36U) << identity;
  EXPECT_EQ(identity, boot_identity());
}

}  // namespace
}  // namespace rbk
