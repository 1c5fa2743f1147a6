#include "stdlib/ssh/ssh_host.h"

#include <gtest/gtest.h>

namespace rbk::stdlib {
namespace {

TEST(SshHost, IsReadAsPeopleWriteIt) {
  const auto is = [](std::string_view text, const SshHost& expected) {
    const auto host = parse_ssh_host(text);
    ASSERT_TRUE(host.has_value()) << host.error().message;
    EXPECT_EQ(*host, expected) << text;
  };
  is("web-1", {"web-1", "", ""});
  is("deploy@web-1.example.com", {"web-1.example.com", "deploy", ""});
  is("web_1:2222", {"web_1", "", "2222"});
  is("ssh://deploy@web-1:22/", {"web-1", "deploy", "22"});
  is("[fe80::1%eth0]:22", {"fe80::1%eth0", "", "22"});
  is("root@::1", {"::1", "root", ""});
  is("ann@corp@web-1", {"web-1", "ann@corp", ""});
}

TEST(SshHost, WhatCantBeOneIsRefused) {
  for (const std::string_view text : {"",
                                      "-oProxyCommand=x",
                                      "root@-oProxyCommand=x",
                                      "-l@web",
                                      "web 1",
                                      "web;id",
                                      "$(id)",
                                      "web\n",
                                      "web:",
                                      "web:0",
                                      "web:70000",
                                      "web:ssh",
                                      "@web",
                                      "ssh://",
                                      "[::1",
                                      "[::1]x",
                                      "a'b",
                                      "web/../x",
                                      "w%h",
                                      "a`b@web",
                                      "wéb",
                                      "[-x]"})
    EXPECT_FALSE(parse_ssh_host(text).has_value()) << text;
}

}  // namespace
}  // namespace rbk::stdlib
