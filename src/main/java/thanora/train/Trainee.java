package thanora.train;

import java.util.List;
import java.util.Optional;
import thanora.lora.Adapter;
import thanora.lora.GradientCombination;
import thanora.lora.Penalty;

/**
 * An adapter to train, and how each of its members is.
 *
 * @param adapter attached to the model
 * @param members one for each member of the adapter
 */
public record Trainee(Adapter adapter, List<Member> members) {
  /**
   * How a member is trained.
   *
   * @param penalty what its loss has beside the tasks'
   * @param combination how its tasks' gradients become one; their plain sum where empty
   * @param rate factor of the step's learning rate
   * @param loss what its labelled tokens weigh
   * @param loraPlus learning rate of B over that of A; LoRA+, Hayou et al., arXiv 2402.12354
   */
  public record Member(
      Penalty penalty, Optional<GradientCombination> combination, double rate, LossWeighting loss, double loraPlus) {
    /** Every token alike, the tasks' gradients added up, the step's learning rate. */
    public static Member of(Penalty penalty) {
      return new Member(penalty, Optional.empty(), 1, LossWeighting.TOKEN, 1);
    }
  }

  public Trainee {
    members = List.copyOf(members);
    if (members.size() != adapter.members()) {
      throw new IllegalArgumentException(
          members.size() + " members do not fit an adapter of " + adapter.members());
    }
  }

  /** One configuration, trained as {@link Member#of}. */
  public static Trainee of(Adapter adapter, Penalty penalty) {
    return new Trainee(adapter, List.of(Member.of(penalty)));
  }

  /** Whether a member combines the gradients of its tasks by a rule of its own. */
  boolean combines() {
    return members.stream().anyMatch(member -> member.combination.isPresent());
  }
}
