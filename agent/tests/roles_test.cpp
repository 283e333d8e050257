// SPDX-License-Identifier: Apache-2.0
#include "rpc/roles.h"

#include <gtest/gtest.h>

namespace zpack::rpc {
namespace {

TEST(Roles, ComeFromTheCertificateOrTheConfiguration)
{
    RoleNames const names { { "root" }, { "watcher" } };
    EXPECT_EQ(role_of("a", { "urn:other", "urn:zpack:role:admin" }, {}), Role::Admin);
    EXPECT_EQ(role_of("a", { "urn:zpack:role:viewer" }, {}), Role::Viewer);
    EXPECT_EQ(role_of("root", {}, names), Role::Admin);
    EXPECT_EQ(role_of("watcher", {}, names), Role::Viewer);
    EXPECT_EQ(role_of("watcher", { "urn:zpack:role:admin" }, names), Role::Admin);
    EXPECT_EQ(role_of("somebody", { "urn:zpack:role:adminx", "urn:zpack:role" }, names), std::nullopt);
    EXPECT_EQ(role_of("", {}, {}), std::nullopt);
}

TEST(Roles, ChangingServicesNeedAnAdministrator)
{
    EXPECT_TRUE(needs_admin("/zpack.v1.DeviceAdminService/UpdateDevice"));
    EXPECT_TRUE(needs_admin("AdminService/"));
    EXPECT_FALSE(needs_admin("/zpack.v1.DeviceService/ListDevices"));
    EXPECT_FALSE(needs_admin("/zpack.v1.DeviceService/AdminService"));
    EXPECT_FALSE(needs_admin("/grpc.health.v1.Health/Check"));
}

} // namespace
} // namespace zpack::rpc
