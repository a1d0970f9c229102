#ifndef EBB_ENGINE_OBSERVE_ADMIN_SERVER_H_
#define EBB_ENGINE_OBSERVE_ADMIN_SERVER_H_

// The admin endpoint, over HTTP: GET (and HEAD) /metrics, /healthz, /readyz, /control, /history,
// /control/<name@version> and /state/<customer id>, both percent-encoded.
// It has no authentication: keep it on loopback or behind something that has. This pair of files is the only place
// that knows civetweb.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace ebb {

// What is answered. Called on the server's threads, several at once; must not throw, and should answer within
// AdminServer::kRequestTimeout. All are needed.
struct AdminCallbacks {
  std::function<std::string()> metrics;                 // Prometheus's text format.
  std::function<absl::Status()> health;                 // OK while the process's loops turn; else why not.
  std::function<absl::Status()> readiness;              // OK when assigned and restored; else why not yet.
  std::function<absl::StatusOr<std::string>(std::string_view customer)> state;  // JSON.
  std::function<std::string()> control;                        // What was published and is in force, for people.
  std::function<absl::Status(std::string_view key)> taken_in;  // OK when that version is in force in every task.
  std::function<absl::StatusOr<std::string>()> history;  // What was taken in, from when on: TakenIn as JSON Lines.
};

// Any thread; outlived by what the callbacks use. Its threads take over the signal mask of the thread that starts it.
class AdminServer {
 public:
  // Listens on `address`, "host:port" or "[ipv6]:port"; port 0 picks a free one. InvalidArgument: not an address.
  // FailedPrecondition: it cannot listen there, above all because the port is taken.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Listen(const std::string& address, AdminCallbacks callbacks);

  // Ends it after the requests at hand.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  int port() const { return port_; }

  static constexpr int kThreads = 4;
  // Connections that wait for a thread; further ones wait in the kernel, up to as many again.
  static constexpr int kWaitingConnections = 16;
  // Request line and headers; a body is not read.
  static constexpr int kMaxRequestBytes = 8 << 10;
  // To read a request, and each time to send part of an answer.
  static constexpr absl::Duration kRequestTimeout = absl::Seconds(5);

 private:
  class Server;
  AdminServer(std::unique_ptr<Server> server, int port);

  const std::unique_ptr<Server> server_;
  const int port_;
};

}  // namespace ebb

#endif  // EBB_ENGINE_OBSERVE_ADMIN_SERVER_H_
