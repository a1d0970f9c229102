#ifndef EBB_ENGINE_RUNTIME_DEAD_LETTER_H_
#define EBB_ENGINE_RUNTIME_DEAD_LETTER_H_

// The form of a dead letter: the original bytes as its value, and why in its headers. Stateless; any thread.

#include <cstddef>
#include <string_view>

#include "ebb/v1/pipeline.pb.h"
#include "engine/log/record.h"

namespace ebb {

// For a record that `partition` holds and that was refused for `reason`, a word, which `text` explains. Key, value and
// headers that are beyond a limit are cut, which further headers tell.
// Source: KIP-1034, the headers of a dead letter queue in Kafka Streams.
OutputRecord MakeDeadLetter(const v1::DeadLetters& config, const TopicPartition& partition,
                            const RecordBatch::View& record, std::string_view reason, std::string_view text);

// For a result that has a value of more than `max_bytes` and therefore may not be sent.
OutputRecord MakeDeadLetterOfResult(const v1::DeadLetters& config, const OutputRecord& result, std::string_view reason,
                                    size_t max_bytes);

}  // namespace ebb

#endif  // EBB_ENGINE_RUNTIME_DEAD_LETTER_H_
