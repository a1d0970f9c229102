package ebb.bench.flink;

import ebb.bench.Settings;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.sink.TransactionNamingStrategy;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;

/** The benchmark's job on Flink, all of it in this process, until SIGTERM. */
public final class Main {
  private Main() {}

  public static void main(String[] arguments) throws Exception {
    Configuration configuration = configuration();
    Settings.print("flink", configuration.toMap());
    String application = Settings.required("BENCH_APPLICATION");
    String bootstrap = Settings.required("BENCH_BOOTSTRAP");
    String input = Settings.required("BENCH_INPUT");
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(configuration);
    KafkaSource<Event> source =
        KafkaSource.<Event>builder()
            .setBootstrapServers(bootstrap)
            .setGroupId(application)
            .setTopics(input + ".browse", input + ".purchase", input + ".support")
            .setStartingOffsets(OffsetsInitializer.earliest())
            .setDeserializer(new EventReader(input.length() + 1))
            .setProperty("isolation.level", "read_committed")
            .setProperty("commit.offsets.on.checkpoint", "true")
            .setProperty("max.poll.records", "5000")
            .setProperty("fetch.max.wait.ms", "100")
            .setProperty("max.partition.fetch.bytes", "4194304")
            .build();
    KafkaSink<byte[]> sink =
        KafkaSink.<byte[]>builder()
            .setBootstrapServers(bootstrap)
            .setRecordSerializer(new AlertWriter(Settings.required("BENCH_OUTPUT"), "/flink/" + application))
            .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
            .setTransactionalIdPrefix(application)
            // A new name for every checkpoint would fill the broker with names.
            .setTransactionNamingStrategy(TransactionNamingStrategy.POOLING)
            .setProperty("transaction.timeout.ms", "60000")
            .setProperty("linger.ms", "20")
            .setProperty("batch.size", "524288")
            .setProperty("buffer.memory", "134217728")
            .setProperty("compression.type", "lz4")
            .build();
    environment
        .fromSource(source, WatermarkStrategy.noWatermarks(), "events", Event.TYPE)
        .uid("events")
        .keyBy(Event::key, Types.STRING)
        .process(new Step(), PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO)
        .uid("features")
        .sinkTo(sink)
        .uid("alerts");
    environment.execute(application);
  }

  private static Configuration configuration() {
    String state = Settings.required("BENCH_STATE_DIR");
    Configuration c = new Configuration();
    c.setString("parallelism.default", Settings.get("BENCH_THREADS", "2"));
    c.setString("taskmanager.numberOfTaskSlots", Settings.get("BENCH_THREADS", "2"));
    c.setString("pipeline.object-reuse", "true");
    c.setString("pipeline.generic-types", "false");
    c.setString("execution.checkpointing.interval", Settings.get("BENCH_COMMIT_MS", "500") + "ms");
    c.setString("execution.checkpointing.mode", "EXACTLY_ONCE");
    c.setString("execution.checkpointing.incremental", "true");
    c.setString("execution.checkpointing.storage", "filesystem");
    c.setString("execution.checkpointing.dir", "file://" + state + "/checkpoints");
    c.setString("state.backend.type", "rocksdb");
    c.setString("state.backend.rocksdb.localdir", state + "/rocksdb");
    c.setString("state.backend.rocksdb.use-bloom-filter", "true");
    c.setString("state.backend.rocksdb.thread.num", "2");
    // Each checkpoint flushes what it finds in memory, a small file every time: merging sorted runs costs less then.
    c.setString("state.backend.rocksdb.compaction.style", Settings.get("BENCH_COMPACTION", "LEVEL"));
    c.setString("taskmanager.memory.managed.size", Settings.get("BENCH_MANAGED_MB", "768") + "m");
    c.setString("taskmanager.memory.network.min", "64m");
    c.setString("taskmanager.memory.network.max", "64m");
    return c;
  }
}
