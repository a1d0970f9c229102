package ebb.bench.flink;

import java.nio.charset.StandardCharsets;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.connector.kafka.source.reader.deserializer.KafkaRecordDeserializationSchema;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** A record as an event, unparsed. */
final class EventReader implements KafkaRecordDeserializationSchema<Event> {
  private static final long serialVersionUID = 1L;

  private final int kindAt;

  /** The names of the topics differ in their letter at {@code kindAt}. */
  EventReader(int kindAt) {
    this.kindAt = kindAt;
  }

  @Override
  public void deserialize(ConsumerRecord<byte[], byte[]> record, Collector<Event> out) {
    String customer = new String(record.key(), StandardCharsets.ISO_8859_1);
    out.collect(new Event(customer, (byte) record.topic().charAt(kindAt), record.value()));
  }

  @Override
  public TypeInformation<Event> getProducedType() {
    return Event.TYPE;
  }
}
