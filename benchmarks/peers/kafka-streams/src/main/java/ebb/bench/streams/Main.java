package ebb.bench.streams;

import ebb.bench.AlertHeaders;
import ebb.bench.Browse;
import ebb.bench.Job;
import ebb.bench.Purchase;
import ebb.bench.Settings;
import ebb.bench.Support;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.StoreBuilder;
import org.apache.kafka.streams.state.Stores;

/** The benchmark's job on Kafka Streams, until SIGTERM. */
public final class Main {
  static final String STORE = "features";

  private Main() {}

  public static void main(String[] arguments) throws InterruptedException {
    int cacheMb = Settings.number("BENCH_CACHE_MB", 0);
    Properties properties = properties(cacheMb);
    Settings.print("streams", properties);
    Store.printSettings();
    KafkaStreams streams = new KafkaStreams(topology(cacheMb > 0), properties);
    CountDownLatch ended = new CountDownLatch(1);
    streams.setUncaughtExceptionHandler(
        failure -> {
          failure.printStackTrace();
          Runtime.getRuntime().halt(1);
          return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  streams.close();
                  ended.countDown();
                }));
    streams.start();
    ended.await();
  }

  private static Properties properties(int cacheMb) {
    Properties p = new Properties();
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, Settings.required("BENCH_APPLICATION"));
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, Settings.required("BENCH_BOOTSTRAP"));
    p.put(StreamsConfig.STATE_DIR_CONFIG, Settings.required("BENCH_STATE_DIR"));
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, Settings.number("BENCH_COMMIT_MS", 500));
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, Settings.number("BENCH_THREADS", 2));
    p.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, cacheMb * 1024L * 1024L);
    p.put(StreamsConfig.ROCKSDB_CONFIG_SETTER_CLASS_CONFIG, Store.class);
    p.put(StreamsConfig.REPLICATION_FACTOR_CONFIG, 1);
    p.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 5000);
    // All there is to read is there: none of the three waits for another's records.
    p.put(StreamsConfig.MAX_TASK_IDLE_MS_CONFIG, 0L);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MAX_WAIT_MS_CONFIG), 100);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_PARTITION_FETCH_BYTES_CONFIG), 4 * 1024 * 1024);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 20);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 512 * 1024);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.BUFFER_MEMORY_CONFIG), 128L * 1024 * 1024);
    p.put(StreamsConfig.producerPrefix(ProducerConfig.COMPRESSION_TYPE_CONFIG), "lz4");
    return p;
  }

  private static Topology topology(boolean cached) {
    String input = Settings.required("BENCH_INPUT");
    AlertHeaders headers = new AlertHeaders("/streams/" + Settings.required("BENCH_APPLICATION"));
    StoreBuilder<KeyValueStore<byte[], byte[]>> store =
        Stores.keyValueStoreBuilder(
                Stores.persistentKeyValueStore(STORE), Serdes.ByteArray(), Serdes.ByteArray())
            .withLoggingEnabled(Map.of());
    store = cached ? store.withCachingEnabled() : store.withCachingDisabled();
    Topology topology = new Topology();
    for (String kind : new String[] {"browse", "purchase", "support"}) {
      topology.addSource(
          kind + "-events", new ByteArrayDeserializer(), new ByteArrayDeserializer(), input + "." + kind);
    }
    topology
        .addProcessor("browse", () -> new Step((v, f) -> Job.apply(Browse.parseFrom(v), f), headers), "browse-events")
        .addProcessor(
            "purchase", () -> new Step((v, f) -> Job.apply(Purchase.parseFrom(v), f), headers), "purchase-events")
        .addProcessor(
            "support", () -> new Step((v, f) -> Job.apply(Support.parseFrom(v), f), headers), "support-events")
        .addStateStore(store, "browse", "purchase", "support")
        .addSink(
            "alerts",
            Settings.required("BENCH_OUTPUT"),
            new ByteArraySerializer(),
            new ByteArraySerializer(),
            "browse",
            "purchase",
            "support");
    return topology;
  }
}
