#include "engine/observe/admin_server.h"

#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/synchronization/notification.h"
#include "civetweb.h"
#include "state/text.h"

namespace ebb {
namespace {

struct Answer {
  int code = 200;
  std::string body;
  std::string_view type = "text/plain; charset=utf-8";
};

std::string_view ReasonOf(int code) {
  switch (code) {
    case 200: return "OK";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    default: return "Service Unavailable";
  }
}

int CodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk: return 200;
    case absl::StatusCode::kInvalidArgument: return 400;
    case absl::StatusCode::kNotFound: return 404;
    case absl::StatusCode::kFailedPrecondition: return 409;
    default: return 503;
  }
}

Answer AnswerOf(const absl::Status& status) {
  return {CodeOf(status), status.ok() ? "ok\n" : Text(status.message(), "\n")};
}

Answer Json(absl::StatusOr<std::string> text, std::string_view type) {
  if (!text.ok()) return AnswerOf(text.status());
  return {200, *std::move(text), type};
}

// Undoes percent-encoding; a '%' that begins none stands for itself.
std::string Decode(std::string_view text) {
  std::string out(text.size() + 1, '\0');
  out.resize(static_cast<size_t>(
      mg_url_decode(text.data(), static_cast<int>(text.size()), out.data(), static_cast<int>(out.size()), 0)));
  return out;
}

bool IsAddress(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  int port = 0;
  const std::string_view host = address.substr(0, colon);
  const bool bare = host.find_first_of(":, ") == std::string_view::npos;
  const bool bracketed = host.front() == '[' && host.back() == ']';
  return (bare || bracketed) && absl::SimpleAtoi(std::string(address.substr(colon + 1)), &port) && port >= 0 &&
         port <= 65535;
}

}  // namespace

class AdminServer::Server {
 public:
  explicit Server(AdminCallbacks callbacks) : callbacks_(std::move(callbacks)) { mg_init_library(0); }
  ~Server() {
    if (context_ != nullptr) Stop();
    mg_exit_library();
  }

  // Returns the port.
  absl::StatusOr<int> Start(const std::string& address) {
    const std::string threads = Text(kThreads);
    const std::string waiting = Text(kWaitingConnections);
    const std::string bytes = Text(kMaxRequestBytes);
    const std::string timeout = Text(absl::ToInt64Milliseconds(kRequestTimeout));
    // No document_root: no files are served. Paths are decoded here, so that an id may hold any character.
    const char* options[] = {"listening_ports", address.c_str(), "num_threads", threads.c_str(),
                             "connection_queue", waiting.c_str(), "listen_backlog", waiting.c_str(),
                             "max_request_size", bytes.c_str(), "request_timeout_ms", timeout.c_str(),
                             "decode_url", "no", "enable_keep_alive", "no",
                             "enable_auth_domain_check", "no", nullptr};
    mg_callbacks hooks{};
    hooks.begin_request = &Server::OnRequest;
    hooks.log_message = &Server::OnMessage;
    context_ = mg_start(&hooks, this, options);
    if (context_ == nullptr) {
      const std::lock_guard<std::mutex> lock(mutex_);
      return absl::FailedPreconditionError(
          Text("the admin server cannot listen on ", address, ": ", trouble_,
               "; end what listens there, or set admin.listen to another address (port 0 picks a free one)"));
    }
    mg_server_port port{};
    mg_get_server_ports(context_, 1, &port);
    host_ = address.substr(0, address.rfind(':'));
    return port_ = port.port;
  }

 private:
  void Stop() {
    absl::Notification stopped;
    std::thread stopper([&] {
      mg_stop(context_);
      stopped.Notify();
    });
    // Civetweb notices that it is to stop within two seconds, or when somebody connects.
    while (!stopped.WaitForNotificationWithTimeout(absl::Milliseconds(10)) && Connect()) {
    }
    stopper.join();
  }

  // Connects to this server and hangs up. False when it listens no longer.
  bool Connect() const {
    char error[128];
    mg_connection* connection = mg_connect_client(host_.c_str(), port_, 0, error, sizeof(error));
    if (connection == nullptr) return false;
    mg_close_connection(connection);
    return true;
  }

  // Takes every request, so that none reaches civetweb's own handling of files.
  static int OnRequest(mg_connection* connection) {
    const mg_request_info& request = *mg_get_request_info(connection);
    const std::string_view method = request.request_method;
    const std::string_view path = request.local_uri_raw == nullptr ? "" : request.local_uri_raw;
    const auto& server = *static_cast<Server*>(request.user_data);
    const bool head = method == "HEAD";
    const Answer answer = head || method == "GET"
                              ? server.Route(path)
                              : Answer{405, "only GET and HEAD are answered\n"};
    std::string text = Text("HTTP/1.1 ", answer.code, " ", ReasonOf(answer.code), "\r\nContent-Type: ", answer.type,
                            "\r\nContent-Length: ", answer.body.size(),
                            answer.code == 405 ? "\r\nAllow: GET, HEAD" : "",
                            "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff"
                            "\r\nConnection: close\r\n\r\n");
    if (!head) text += answer.body;
    mg_write(connection, text.data(), text.size());
    return answer.code;
  }

  // Civetweb says why it cannot start only here.
  static int OnMessage(const mg_connection* connection, const char* message) {
    auto& server = *static_cast<Server*>(mg_get_user_data(mg_get_context(connection)));
    const std::lock_guard<std::mutex> lock(server.mutex_);
    if (server.trouble_.empty()) server.trouble_ = message;
    return 1;
  }

  Answer Route(std::string_view path) const {
    constexpr std::string_view kState = "/state/";
    constexpr std::string_view kControl = "/control/";
    if (path == "/metrics") return {200, callbacks_.metrics(), "text/plain; version=0.0.4; charset=utf-8"};
    if (path == "/healthz") return AnswerOf(callbacks_.health());
    if (path == "/readyz") return AnswerOf(callbacks_.readiness());
    if (path == "/control") return {200, callbacks_.control()};
    if (path.starts_with(kControl) && path.size() > kControl.size()) {
      return AnswerOf(callbacks_.taken_in(Decode(path.substr(kControl.size()))));
    }
    if (path == "/history") return Json(callbacks_.history(), "application/jsonl");
    if (path.starts_with(kState) && path.size() > kState.size()) {
      return Json(callbacks_.state(Decode(path.substr(kState.size()))), "application/json");
    }
    return {
        404,
        "expected /metrics, /healthz, /readyz, /control, /control/<name@version>, /history or /state/<customer id>\n"};
  }

  const AdminCallbacks callbacks_;
  mg_context* context_ = nullptr;
  std::string host_;
  int port_ = 0;
  std::mutex mutex_;
  std::string trouble_;  // The first message.
};

AdminServer::AdminServer(std::unique_ptr<Server> server, int port) : server_(std::move(server)), port_(port) {}

AdminServer::~AdminServer() = default;

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Listen(const std::string& address,
                                                                 AdminCallbacks callbacks) {
  if (!IsAddress(address)) {
    return absl::InvalidArgumentError(
        Text("admin.listen: expected an address such as 127.0.0.1:9464, got \"", address, "\""));
  }
  auto server = std::make_unique<Server>(std::move(callbacks));
  const absl::StatusOr<int> port = server->Start(address);
  if (!port.ok()) return port.status();
  return std::unique_ptr<AdminServer>(new AdminServer(std::move(server), *port));
}

}  // namespace ebb
