package ebb.bench.flink;

import com.google.protobuf.InvalidProtocolBufferException;
import ebb.bench.Alert;
import ebb.bench.AlertHeaders;
import java.util.List;
import java.util.Optional;
import org.apache.flink.api.common.serialization.SerializationSchema.InitializationContext;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.DefaultKafkaDatasetIdentifier;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacet;
import org.apache.flink.connector.kafka.lineage.KafkaDatasetFacetProvider;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.kafka.clients.producer.ProducerRecord;

/** An alert as a record; Kafka's producer chooses the partition by the key. */
final class AlertWriter implements KafkaRecordSerializationSchema<byte[]>, KafkaDatasetFacetProvider {
  private static final long serialVersionUID = 1L;

  private final String topic;
  private final String source;
  private transient AlertHeaders headers;

  AlertWriter(String topic, String source) {
    this.topic = topic;
    this.source = source;
  }

  @Override
  public void open(InitializationContext context, KafkaSinkContext sink) {
    headers = new AlertHeaders(source);
  }

  /** Names the topic: a sink with a pool of transactional ids looks there for transactions that were left open. */
  @Override
  public Optional<KafkaDatasetFacet> getKafkaDatasetFacet() {
    return Optional.of(new DefaultKafkaDatasetFacet(DefaultKafkaDatasetIdentifier.ofTopics(List.of(topic))));
  }

  @Override
  public ProducerRecord<byte[], byte[]> serialize(byte[] bytes, KafkaSinkContext context, Long time) {
    try {
      Alert alert = Alert.parseFrom(bytes);
      ProducerRecord<byte[], byte[]> record =
          new ProducerRecord<>(topic, null, null, alert.getCustomerIdBytes().toByteArray(), bytes);
      headers.add(alert, record.headers());
      return record;
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("an alert that is not protobuf", e);
    }
  }
}
