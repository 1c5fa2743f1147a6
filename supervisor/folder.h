// Where a store's supervisor lives on this host: the folder `spool` inside the store's folder, with
// the spools, the lock that makes the supervisor the only one, and its socket.
#pragma once

#include <string>

#include "base/result.h"
#include "supervisor/descriptor.h"

namespace rbk::supervisor {

class Folder {
 public:
  /// Makes STORE/spool (mode 0700) if it is missing; STORE itself has to exist. kPermission if the
  /// folder belongs to somebody else or others may enter it: what lies there is trusted.
  static Result<Folder> open(const std::string& store);

  /// Tells the folder from one that was made after it was removed. Makes it if it is missing; empty
  /// if that can't be done.
  static std::string identity(const std::string& store);

  int fd() const { return fd_.get(); }
  /// Absolute.
  const std::string& path() const { return path_; }
  /// The store's folder, absolute.
  const std::string& store() const { return store_; }

  /// The lock of the one supervisor. kLocked while another process holds it. It lasts until the
  /// descriptor and its copies in forked children are closed.
  Result<Descriptor> lock() const;

  /// A listening socket; only the holder of the lock may call it.
  Result<Descriptor> listen() const;
  void remove_socket() const;

  /// A blocking socket to the supervisor. kNotFound if none listens; kLocked if it
  /// does not accept; kPermission if its owner is
  /// another user than we are.
  Result<Descriptor> connect() const;

 private:
  Folder() = default;

  // The socket's path goes through our descriptor, so that its length does not depend on where the
  // store is: socket addresses end at 108 bytes.
  std::string socket_path() const;

  std::string path_;
  std::string store_;
  Descriptor fd_;
};

}  // namespace rbk::supervisor
