package ebb.bench.streams;

import ebb.bench.Settings;
import java.util.Map;
import org.apache.kafka.streams.state.RocksDBConfigSetter;
import org.rocksdb.BlockBasedTableConfig;
import org.rocksdb.BloomFilter;
import org.rocksdb.Cache;
import org.rocksdb.DataBlockIndexType;
import org.rocksdb.LRUCache;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.WriteBufferManager;

/** RocksDB for point reads: bloom filters in files and memtables, a hash index in blocks, one cache for all stores. */
public final class Store implements RocksDBConfigSetter {
  private static final long CACHE_BYTES = Settings.number("BENCH_BLOCK_CACHE_MB", 256) * 1024L * 1024L;
  private static final long WRITE_BUFFER_BYTES = Settings.number("BENCH_WRITE_BUFFER_MB", 64) * 1024L * 1024L;
  private static final int WRITE_BUFFERS = 3;
  private static final double MEMTABLE_BLOOM = 0.1;
  private static final int BLOOM_BITS = 10;

  static {
    RocksDB.loadLibrary();
  }

  private static final Cache CACHE = new LRUCache(CACHE_BYTES);
  // As large as all stores together may become, so that it counts and never stalls.
  private static final WriteBufferManager BUFFERS = new WriteBufferManager(4 * WRITE_BUFFERS * WRITE_BUFFER_BYTES, CACHE);

  static void printSettings() {
    Settings.print(
        "rocksdb",
        Map.of(
            "block_cache_bytes", CACHE_BYTES,
            "write_buffer_bytes", WRITE_BUFFER_BYTES,
            "write_buffers", WRITE_BUFFERS,
            "memtable_prefix_bloom_ratio", MEMTABLE_BLOOM,
            "bloom_bits", BLOOM_BITS));
  }

  @Override
  public void setConfig(String store, Options options, Map<String, Object> configs) {
    BlockBasedTableConfig table = (BlockBasedTableConfig) options.tableFormatConfig();
    table.setBlockCache(CACHE);
    table.setFilterPolicy(new BloomFilter(BLOOM_BITS));
    table.setDataBlockIndexType(DataBlockIndexType.kDataBlockBinaryAndHash);
    table.setCacheIndexAndFilterBlocks(true);
    table.setCacheIndexAndFilterBlocksWithHighPriority(true);
    table.setPinL0FilterAndIndexBlocksInCache(true);
    options.setTableFormatConfig(table);
    options.setWriteBufferManager(BUFFERS);
    options.setWriteBufferSize(WRITE_BUFFER_BYTES);
    options.setMaxWriteBufferNumber(WRITE_BUFFERS);
    options.setMemtablePrefixBloomSizeRatio(MEMTABLE_BLOOM);
    options.setMemtableWholeKeyFiltering(true);
  }

  @Override
  public void close(String store, Options options) {}
}
