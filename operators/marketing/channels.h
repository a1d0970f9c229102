#ifndef EBB_OPERATORS_MARKETING_CHANNELS_H_
#define EBB_OPERATORS_MARKETING_CHANNELS_H_

// Channels as configs and sentences spell them: "email" for CHANNEL_EMAIL. Stateless; any thread.

#include <string>
#include <string_view>

#include "absl/strings/ascii.h"
#include "ebb/v1/header.pb.h"
#include "state/text.h"

namespace ebb {

inline constexpr std::string_view kChannelPrefix = "CHANNEL_";

// CHANNEL_UNSPECIFIED for a name that is not one.
inline v1::Channel ChannelFromName(std::string_view name) {
  v1::Channel channel = v1::CHANNEL_UNSPECIFIED;
  v1::Channel_Parse(Text(kChannelPrefix, absl::AsciiStrToUpper(std::string(name))), &channel);
  return channel;
}

inline std::string ChannelName(v1::Channel channel) {
  const std::string& name = v1::Channel_Name(channel);
  return name.empty() ? "unknown" : absl::AsciiStrToLower(name.substr(kChannelPrefix.size()));
}

}  // namespace ebb

#endif  // EBB_OPERATORS_MARKETING_CHANNELS_H_
