#include "engine/observe/admin_client.h"

#include <civetweb.h>

#include <cstdlib>
#include <memory>

#include "absl/strings/ascii.h"
#include "state/text.h"
#include "state/utf8.h"

namespace ebb {
namespace {

// More than the text of any error of ebb's.
constexpr size_t kMaxErrorBytes = 4096;

struct Close {
  void operator()(mg_connection* connection) const { mg_close_connection(connection); }
};

}  // namespace

absl::StatusOr<std::string> AskAdmin(const std::string& address, std::string_view path, std::string_view argument) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(Text("'", address, "' is not an address; expected host:port"));
  }
  std::string encoded(argument.size() * 3 + 1, '\0');
  const std::string plain(argument);
  const int size = mg_url_encode(plain.c_str(), encoded.data(), encoded.size());
  if (size < 0) return absl::InvalidArgumentError("the argument cannot be percent-encoded");
  encoded.resize(static_cast<size_t>(size));

  char error[256] = "";
  const std::string host = address.substr(0, colon);
  const int port = std::atoi(address.c_str() + colon + 1);
  const std::string request_path = Text(path, encoded);
  std::unique_ptr<mg_connection, Close> connection(
      mg_download(host.c_str(), port, 0, error, sizeof(error), "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
                  request_path.c_str(), address.c_str()));
  if (!connection) return absl::UnavailableError(Text("nothing answers at ", address, ": ", error));
  const mg_response_info* response = mg_get_response_info(connection.get());
  if (response == nullptr) return absl::UnavailableError(Text("no answer from ", address));
  std::string body;
  char buffer[4096];
  for (int n = 0; (n = mg_read(connection.get(), buffer, sizeof(buffer))) > 0;) {
    body.append(buffer, static_cast<size_t>(n));
  }
  if (response->status_code == 200) return body;
  body.resize(absl::StripTrailingAsciiWhitespace(body).size());
  if (body.empty() || body.size() > kMaxErrorBytes || !IsUtf8(body)) {
    return absl::InternalError(
        Text("what answers at ", address, " with status ", response->status_code, " is not ebb"));
  }
  if (response->status_code == 404) return absl::NotFoundError(body);
  if (response->status_code == 409) return absl::FailedPreconditionError(body);
  return absl::InternalError(Text("the process answered with status ", response->status_code, ": ", body));
}

}  // namespace ebb
