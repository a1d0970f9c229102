#include "state/serialize.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"

namespace ebb {

void AppendMessage(const google::protobuf::Message& message, size_t size, std::string* bytes) {
  const size_t begin = bytes->size();
  bytes->resize(begin + size);
  google::protobuf::io::ArrayOutputStream stream(bytes->data() + begin, static_cast<int>(size));
  google::protobuf::io::CodedOutputStream out(&stream);
  out.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&out);
}

}  // namespace ebb
