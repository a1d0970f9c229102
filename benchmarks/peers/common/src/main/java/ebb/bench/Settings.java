package ebb.bench;

import java.util.Map;
import java.util.TreeMap;

/** What a run is told through its environment; the same names as in benchmarks/ebb/pipeline.yaml. */
public final class Settings {
  private Settings() {}

  public static String required(String name) {
    String value = System.getenv(name);
    if (value == null || value.isEmpty()) {
      System.err.println("expected the environment to hold " + name + "; benchmarks/run.sh sets it");
      System.exit(2);
    }
    return value;
  }

  public static String get(String name, String otherwise) {
    String value = System.getenv(name);
    return value == null || value.isEmpty() ? otherwise : value;
  }

  public static int number(String name, int otherwise) {
    return Integer.parseInt(get(name, Integer.toString(otherwise)));
  }

  /** Says with what a run is made, a line each. */
  public static void print(String title, Map<?, ?> settings) {
    Map<String, Object> sorted = new TreeMap<>();
    settings.forEach((name, value) -> sorted.put(name.toString(), value));
    sorted.forEach((name, value) -> System.err.println(title + " " + name + "=" + value));
  }
}
