package ebb.bench.flink;

import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.typeutils.TupleTypeInfo;

/**
 * An event on its way to its customer: the customer, the first letter of its topic, and its bytes, which are parsed where
 * the customer's state is, so that a message is neither parsed nor serialised twice.
 */
public final class Event extends Tuple3<String, Byte, byte[]> {
  static final TypeInformation<Event> TYPE =
      new TupleTypeInfo<>(
          Event.class, Types.STRING, Types.BYTE, PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO);

  public Event() {}

  Event(String customer, byte kind, byte[] bytes) {
    super(customer, kind, bytes);
  }

  static String key(Event event) {
    return event.f0;
  }

  byte kind() {
    return f1;
  }

  byte[] bytes() {
    return f2;
  }
}
