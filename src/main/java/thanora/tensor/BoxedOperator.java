package thanora.tensor;

import java.util.Arrays;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.Dispatcher;
import org.bytedeco.pytorch.GenericList;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.OperatorHandle;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.TensorList;
import org.bytedeco.pytorch.TensorVector;

/**
 * An operator of libtorch that the presets do not bind, reached through its dispatcher. A call costs some
 * 10 microseconds, three times as much as one that is bound.
 */
final class BoxedOperator {
  private final String name;
  private OperatorHandle handle;

  /** Looked up at the first call: a name may be there where its kernel is not. */
  BoxedOperator(String name) {
    this.name = name;
  }

  private synchronized OperatorHandle handle() {
    if (handle == null) {
      handle = TensorScope.outside(() -> Dispatcher.singleton().findSchemaOrThrow(name, ""));
    }
    return handle;
  }

  /**
   * Calls it.
   *
   * @param arguments all of its schema in their order: tensors, lists of tensors, Long, Double, Boolean, null
   */
  Results call(Object... arguments) {
    IValueVector stack = new IValueVector(Arrays.stream(arguments).map(BoxedOperator::value).toArray(IValue[]::new));
    handle().callBoxed(stack);
    return new Results(stack);
  }

  private static IValue value(Object argument) {
    if (argument == null) {
      return new IValue();
    }
    if (argument instanceof Tensor tensor) {
      return new IValue(tensor);
    }
    if (argument instanceof List<?> tensors) {
      TensorList list = new TensorList(new TensorVector(tensors.toArray(Tensor[]::new)));
      return new IValue(new GenericList((Pointer) list)); // one class in C++ but for its type of elements
    }
    if (argument instanceof Double number) {
      return new IValue((double) number);
    }
    if (argument instanceof Long number) {
      return new IValue((long) number);
    }
    if (argument instanceof Boolean truth) {
      return new IValue((boolean) truth);
    }
    throw new IllegalArgumentException("no argument of an operator: " + argument.getClass());
  }

  /** What a call gives. */
  record Results(IValueVector stack) {
    /** The result of that number; the caller's, since an element dies with its vector. */
    Tensor tensor(int at) {
      return new Tensor(stack.get(at).toTensor());
    }
  }
}
