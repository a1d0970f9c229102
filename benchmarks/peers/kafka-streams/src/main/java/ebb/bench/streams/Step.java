package ebb.bench.streams;

import com.google.protobuf.InvalidProtocolBufferException;
import ebb.bench.Alert;
import ebb.bench.AlertHeaders;
import ebb.bench.Features;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueStore;

/** Takes the events of one kind in: one read and one write of the customer's features each. */
final class Step extends ContextualProcessor<byte[], byte[], byte[], byte[]> {
  /** What an event of this kind, as its bytes, does; the alert that is due, or null. */
  interface Apply {
    Alert apply(byte[] event, Features.Builder features) throws InvalidProtocolBufferException;
  }

  private final Apply apply;
  private final AlertHeaders headers;
  private KeyValueStore<byte[], byte[]> store;

  Step(Apply apply, AlertHeaders headers) {
    this.apply = apply;
    this.headers = headers;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    super.init(context);
    store = context.getStateStore(Main.STORE);
  }

  @Override
  public void process(Record<byte[], byte[]> event) {
    try {
      Features.Builder features = Features.newBuilder();
      byte[] stored = store.get(event.key());
      if (stored != null) features.mergeFrom(stored);
      Alert alert = apply.apply(event.value(), features);
      store.put(event.key(), features.build().toByteArray());
      if (alert == null) return;
      RecordHeaders of = new RecordHeaders();
      headers.add(alert, of);
      context().forward(event.withValue(alert.toByteArray()).withHeaders(of));
    } catch (InvalidProtocolBufferException e) {
      throw new IllegalStateException("an event or features that are not protobuf", e);
    }
  }
}
