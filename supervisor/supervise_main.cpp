#include <cstdio>

#include "supervisor/supervisor.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: rbk_supervise STORE\n", stderr);
    return 2;
  }
  return rbk::supervisor::run(argv[1]);
}
