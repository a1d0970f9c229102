import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AdminClientConfig;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;

/**
 * Creates, deletes, resets and lists topics, any number of them in one run; topics.sh starts it.
 * Returns when the change is seen, so that a client started afterwards finds the topics as asked.
 *
 * <p>Arguments: COMMAND BOOTSTRAP TOPIC..., a topic written NAME[:PARTITIONS[:key=value,...]].
 */
public final class Topics {
  private static final int REQUEST_LIMIT_MS = 15_000;
  private static final long WAIT_LIMIT_MS = 30_000;
  private static final long POLL_MS = 20;

  private record Topic(String name, int partitions, Map<String, String> configs) {
    /** Reads the notation of the command line; what it cannot read is Refused. */
    static Topic parse(String text) {
      String[] parts = text.split(":", 3);
      int partitions = 1;
      if (parts.length > 1) {
        try {
          partitions = Integer.parseInt(parts[1]);
        } catch (NumberFormatException e) {
          partitions = 0;
        }
        if (partitions < 1) {
          throw new Refused(
              "expected a number of partitions after '" + parts[0] + ":', got '" + parts[1] + "'");
        }
      }
      return new Topic(parts[0], partitions, parseConfigs(parts.length > 2 ? parts[2] : ""));
    }

    /** A piece without '=' belongs to the value before it: cleanup.policy=compact,delete. */
    private static Map<String, String> parseConfigs(String text) {
      Map<String, String> configs = new LinkedHashMap<>();
      String last = null;
      for (String piece : text.split(",")) {
        int equals = piece.indexOf('=');
        if (equals > 0) {
          last = piece.substring(0, equals);
          configs.put(last, piece.substring(equals + 1));
        } else if (last != null) {
          configs.merge(last, piece, (before, more) -> before + "," + more);
        } else if (!piece.isEmpty()) {
          throw new Refused("expected key=value, got '" + piece + "'");
        }
      }
      return configs;
    }

    @Override
    public String toString() {
      List<String> pairs = new ArrayList<>();
      new TreeMap<>(configs).forEach((key, value) -> pairs.add(key + "=" + value));
      return name + ":" + partitions + (pairs.isEmpty() ? "" : ":" + String.join(",", pairs));
    }
  }

  /** Something the person at the command line can act upon; its message says it all. */
  private static final class Refused extends RuntimeException {
    Refused(String message) {
      super(message);
    }
  }

  private interface Condition {
    boolean holds() throws ExecutionException, InterruptedException;
  }

  private final Admin admin;

  private Topics(Admin admin) {
    this.admin = admin;
  }

  /** Fails if one of them exists; those that do not are created all the same. */
  private void create(Collection<Topic> topics) throws ExecutionException, InterruptedException {
    List<NewTopic> wanted = new ArrayList<>();
    for (Topic topic : topics) {
      wanted.add(new NewTopic(topic.name(), Optional.of(topic.partitions()), Optional.empty())
          .configs(topic.configs()));
    }
    List<String> refusals = new ArrayList<>();
    for (var result : admin.createTopics(wanted).values().entrySet()) {
      try {
        result.getValue().get();
      } catch (ExecutionException e) {
        refusals.add(result.getKey() + ": " + e.getCause().getMessage());
      }
    }
    if (!refusals.isEmpty()) {
      throw new Refused(String.join("; ", refusals));
    }
    await("a leader for every partition", () -> {
      try {
        return admin.describeTopics(names(topics)).allTopicNames().get().values().stream()
            .flatMap(description -> description.partitions().stream())
            .allMatch(partition -> partition.leader() != null && !partition.leader().isEmpty());
      } catch (ExecutionException e) {
        if (e.getCause() instanceof UnknownTopicOrPartitionException) {
          return false; // this broker has not heard of it yet
        }
        throw e;
      }
    });
  }

  /** Topics that do not exist are left alone. */
  private void delete(Collection<Topic> topics) throws ExecutionException, InterruptedException {
    Set<String> present = new TreeSet<>(names(topics));
    present.retainAll(admin.listTopics().names().get());
    admin.deleteTopics(present).all().get();
    await("the topics to be gone",
        () -> admin.listTopics().names().get().stream().noneMatch(present::contains));
  }

  private void list() throws ExecutionException, InterruptedException {
    Map<String, TopicDescription> topics =
        admin.describeTopics(admin.listTopics().names().get()).allTopicNames().get();
    List<ConfigResource> resources = topics.keySet().stream()
        .map(name -> new ConfigResource(ConfigResource.Type.TOPIC, name)).toList();
    var configs = admin.describeConfigs(resources).all().get();
    for (String name : new TreeSet<>(topics.keySet())) {
      Map<String, String> own = new TreeMap<>();
      for (ConfigEntry entry :
          configs.get(new ConfigResource(ConfigResource.Type.TOPIC, name)).entries()) {
        if (entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG) {
          own.put(entry.name(), entry.value());
        }
      }
      System.out.println(new Topic(name, topics.get(name).partitions().size(), own));
    }
  }

  private static List<String> names(Collection<Topic> topics) {
    return topics.stream().map(Topic::name).toList();
  }

  private static void await(String what, Condition condition)
      throws ExecutionException, InterruptedException {
    long deadline = System.nanoTime() + WAIT_LIMIT_MS * 1_000_000;
    while (!condition.holds()) {
      if (System.nanoTime() > deadline) {
        throw new Refused("waited " + WAIT_LIMIT_MS / 1000 + " s in vain for " + what);
      }
      Thread.sleep(POLL_MS);
    }
  }

  public static void main(String[] args) throws InterruptedException {
    try {
      List<Topic> topics = Arrays.stream(args).skip(2).map(Topic::parse).toList();
      Map<String, Object> settings = Map.of(
          AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, args[1],
          AdminClientConfig.DEFAULT_API_TIMEOUT_MS_CONFIG, REQUEST_LIMIT_MS,
          AdminClientConfig.REQUEST_TIMEOUT_MS_CONFIG, REQUEST_LIMIT_MS);
      try (Admin admin = Admin.create(settings)) {
        Topics kafka = new Topics(admin);
        switch (args[0]) {
          case "create" -> kafka.create(topics);
          case "delete" -> kafka.delete(topics);
          case "reset" -> {
            kafka.delete(topics);
            kafka.create(topics);
          }
          case "list" -> kafka.list();
          default -> throw new Refused("unknown command '" + args[0] + "'");
        }
      }
    } catch (ExecutionException e) {
      exit("the brokers at " + args[1] + " did not do it: " + e.getCause().getMessage());
    } catch (KafkaException e) {
      exit("cannot ask " + args[1] + ": " + (e.getCause() != null ? e.getCause() : e).getMessage());
    } catch (Refused e) {
      exit(e.getMessage());
    }
  }

  private static void exit(String message) {
    System.err.println("topics.sh: " + message);
    System.exit(1);
  }
}
