package ebb.bench.flink;

import ebb.bench.Alert;
import ebb.bench.Browse;
import ebb.bench.Features;
import ebb.bench.Job;
import ebb.bench.Purchase;
import ebb.bench.Support;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.util.Collector;

/** Takes events in: one read and one write of the customer's features each, kept as their protobuf bytes. */
final class Step extends KeyedProcessFunction<String, Event, byte[]> {
  private static final long serialVersionUID = 1L;

  private transient ValueState<byte[]> features;

  @Override
  public void open(OpenContext context) {
    features =
        getRuntimeContext()
            .getState(new ValueStateDescriptor<>("features", PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO));
  }

  @Override
  public void processElement(Event event, Context context, Collector<byte[]> out) throws Exception {
    Features.Builder changed = Features.newBuilder();
    byte[] stored = features.value();
    if (stored != null) changed.mergeFrom(stored);
    Alert alert =
        switch (event.kind()) {
          case 'b' -> Job.apply(Browse.parseFrom(event.bytes()), changed);
          case 'p' -> Job.apply(Purchase.parseFrom(event.bytes()), changed);
          default -> Job.apply(Support.parseFrom(event.bytes()), changed);
        };
    features.update(changed.build().toByteArray());
    if (alert != null) out.collect(alert.toByteArray());
  }
}
