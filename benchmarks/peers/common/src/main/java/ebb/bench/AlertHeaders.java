package ebb.bench;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import org.apache.kafka.common.header.Headers;

/** The headers that every system writes beside an alert. One thread. */
public final class AlertHeaders {
  private static final byte[] VERSION = bytes("1.0");
  private static final byte[] TYPE = bytes("ebb.bench.Alert");
  private static final byte[] CONTENT_TYPE = bytes("application/protobuf");
  private static final byte[] DIGITS = bytes("0123456789abcdef");
  // Source: FNV-1a, draft-eastlake-fnv, and the finaliser of SplitMix64.
  private static final long FNV_BASIS = 0xcbf29ce484222325L;
  private static final long FNV_PRIME = 0x100000001b3L;

  private final byte[] source;

  public AlertHeaders(String source) {
    this.source = bytes(source);
  }

  public void add(Alert alert, Headers headers) {
    headers.add("ce_specversion", VERSION);
    headers.add("ce_id", id(alert));
    headers.add("ce_source", source);
    headers.add("ce_type", TYPE);
    headers.add("ce_time", bytes(Instant.ofEpochMilli(alert.getEventTimeMs()).toString()));
    headers.add("content-type", CONTENT_TYPE);
  }

  /** 32 hexadecimal digits, the same for the same customer and event. */
  private static byte[] id(Alert alert) {
    long hash = hash(hash(FNV_BASIS, alert.getCustomerId()), alert.getEventId());
    byte[] id = new byte[32];
    write(mix(hash), id, 0);
    write(mix(hash + 1), id, 16);
    return id;
  }

  private static long hash(long hash, String text) {
    for (int i = 0; i < text.length(); ++i) hash = (hash ^ text.charAt(i)) * FNV_PRIME;
    return hash;
  }

  private static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }

  private static void write(long bits, byte[] id, int from) {
    for (int i = 0; i < 16; ++i) id[from + i] = DIGITS[(int) (bits >>> (60 - 4 * i)) & 15];
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
